import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { createBackup, restoreBackup, verifyBackup } from '../../src/operations/index.ts';
import type { Storage } from '../../src/storage/index.ts';
import { sampleAppend, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { runCount, seed } from '../runs.ts';
import { tamper, verified, writtenStore } from './damaged-store.ts';
import { NodeProcess } from './node-process.ts';

const KILLS = runCount(6, 200);

describe('a backup', () => {
  test('is the store as it stood, while its owner goes on appending', async () => {
    const file = await writtenStore({ commits: 200 });
    const folder = join(dirname(file), 'backup');
    const storage = await openSqlite({ file });
    const appending = appendUntilStopped(storage);
    const manifest = await createBackup(file, folder, { pagesPerStep: 4 });
    const appended = await appending.stop();
    const { events } = await storage.log.readLog({ after: 0, limit: 10_000 });
    await storage.close();
    expect(appended).toBeGreaterThan(0);
    expect(manifest.head).toBeGreaterThanOrEqual(400);
    expect(manifest.head).toBeLessThan(400 + appended);
    expect(await verifyBackup(folder)).toMatchObject({ ok: true, faults: [], log: { ok: true, head: manifest.head } });
    const restored = join(dirname(file), 'restored.db');
    await restoreBackup(folder, restored);
    const again = await openSqlite({ file: restored });
    expect((await again.log.readLog({ after: 0, limit: 10_000 })).events).toEqual(events.slice(0, manifest.head));
    await again.commit({ appends: [sampleAppend('later-1')] });
    await again.close();
    expect(await verified(restored)).toMatchObject({ ok: true, head: manifest.head + 1, unlinked: 0 });
  });

  test('is told from one that was damaged, cut or is incomplete', async () => {
    const { folder, store, manifest } = await madeBackup();
    const right = readFileSync(store);
    const random = seededRandom(seed());
    for (let run = 0; run < runCount(20, 500); run++) {
      const bytes = Buffer.from(right);
      const at = Math.floor(random.fraction() * bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << (random.uint32() % 8));
      writeFileSync(store, bytes);
      const report = await verifyBackup(folder);
      expect(report, `byte ${at}`).toMatchObject({
        ok: false,
        faults: [expect.stringContaining('its hash is another')],
      });
    }
    writeFileSync(store, right);
    truncateSync(store, right.length - 1);
    expect((await verifyBackup(folder)).faults).toEqual([
      expect.stringContaining(`${right.length - 1} bytes instead of`),
    ]);
    await expect(restoreBackup(folder, join(dirname(folder), 'new.db'))).rejects.toMatchObject({
      code: 'BACKUP_CORRUPT',
    });
    expect(readdirSync(dirname(folder)).filter(name => name.startsWith('new.db'))).toEqual([]);
    writeFileSync(store, right);
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"head": 40', '"head": 41'));
    await expect(verifyBackup(folder)).rejects.toMatchObject({ code: 'BACKUP_CORRUPT' });
  });

  test('is not made of a log that is not what was written, nor over another one', async () => {
    const { file, folder } = await madeBackup();
    await expect(createBackup(file, folder)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    tamper(file, `UPDATE events SET data = '{}' WHERE position = 3`);
    const other = join(dirname(file), 'other');
    await expect(createBackup(file, other)).rejects.toMatchObject({
      code: 'STORAGE_CORRUPT',
      details: { found: 1, findings: [{ kind: 'record-damaged', position: 3 }] },
    });
    expect(readdirSync(dirname(file)).filter(name => name.startsWith('other'))).toEqual([]);
  });

  test.each(['', '-wal'])('is not restored over a store, nor over what is left of one (%s)', async suffix => {
    const { folder } = await madeBackup();
    const target = join(dirname(folder), 'target.db');
    writeFileSync(`${target}${suffix}`, 'something');
    await expect(restoreBackup(folder, target)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(readFileSync(`${target}${suffix}`, 'utf8')).toBe('something');
  });

  test('that is killed at any moment is whole or does not exist', { timeout: 1_200_000 }, async () => {
    const chosen = seed();
    console.info(`killed backups: seed ${chosen}`);
    const random = seededRandom(chosen);
    const file = await writtenStore({ commits: 150 });
    const storage = await openSqlite({ file });
    const lines = await linesOfWholeRun(file);
    const outcomes = { whole: 0, none: 0 };
    for (let kill = 0; kill < KILLS; kill++) {
      const folder = join(dirname(file), `backup-${kill}`);
      await storage.commit({ appends: [sampleAppend(`k-${kill}`)] });
      const process = new NodeProcess('backing-up-process', [file, folder]);
      // Each second one near its end, where a folder might look whole before it is.
      await process.line(kill % 2 === 0 ? Math.floor(random.fraction() * lines) : lines - 2);
      await process.kill();
      if (existsSync(folder)) {
        expect(await verifyBackup(folder), `kill ${kill}`).toMatchObject({ ok: true });
        outcomes.whole++;
      } else {
        await expect(verifyBackup(folder)).rejects.toMatchObject({ code: 'NOT_FOUND' });
        outcomes.none++;
      }
    }
    console.info(`killed backups: ${JSON.stringify(outcomes)}`);
    expect(outcomes.none).toBeGreaterThan(0);
    const last = join(dirname(file), 'last');
    await createBackup(file, last);
    expect(await verifyBackup(last)).toMatchObject({ ok: true });
    for (const name of readdirSync(dirname(file)).filter(each => each.includes('.partial-'))) {
      const left = verifyBackup(join(dirname(file), name));
      // Killed between the manifest and the new name, it is whole, only not where it was wanted; killed while the manifest was being
      // written, it says so.
      await left.then(
        report => expect(report.ok).toBe(true),
        thrown => expect(['NOT_FOUND', 'BACKUP_CORRUPT']).toContain(thrown.code),
      );
    }
    await storage.close();
  });
});

async function madeBackup() {
  const file = await writtenStore();
  const folder = join(dirname(file), 'backup');
  await createBackup(file, folder);
  return { file, folder, store: join(folder, 'store.db'), manifest: join(folder, 'manifest.json') };
}

async function linesOfWholeRun(file: string): Promise<number> {
  const whole = new NodeProcess('backing-up-process', [file, join(dirname(file), 'whole')]);
  await whole.ended();
  expect(whole.said().at(-1)).toEqual({ done: true });
  return whole.said().length;
}

/** Appends one batch after the other, each in a turn of the event loop of its own. */
function appendUntilStopped(storage: Storage): { stop(): Promise<number> } {
  let stopped = false;
  let appended = 0;
  const run = async (): Promise<void> => {
    while (!stopped) {
      await storage.commit({ appends: [sampleAppend(`w-${appended % 5}`, 'any', sampleEvents(2))] });
      appended += 2;
      await new Promise(setImmediate);
    }
  };
  const running = run();
  return {
    async stop() {
      stopped = true;
      await running;
      return appended;
    },
  };
}
