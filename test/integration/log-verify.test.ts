import { generateKeyPairSync } from 'node:crypto';
import { openSqlite } from 'millrace/sqlite';
import { describe, expect, test } from 'vitest';
import { linkHash, recordChecksum, recordText, sha256 } from '../../src/core/index.ts';
import { type LogCheckpoint, signCheckpoint } from '../../src/operations/index.ts';
import { openSqliteLog } from '../../src/sqlite/index.ts';
import { open } from '../../src/sqlite/sqlite-connection.ts';
import { sampleAppend } from '../../src/testing/conformance/sample-event.ts';
import { named, tamper, verified, writtenStore } from './damaged-store.ts';

const audit = generateKeyPairSync('ed25519', {
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

describe('verify', () => {
  test('finds nothing in a log that is what was written', async () => {
    const report = await verified(await writtenStore());
    expect(report).toMatchObject({ ok: true, head: 40, events: 40, streams: 7, unlinked: 0, unchecked: 0, found: 0 });
    expect(report.chain?.position).toBe(40);
  });

  test('names an event that was edited', async () => {
    const file = await writtenStore();
    tamper(file, `UPDATE events SET data = '{"n":0}' WHERE position = 17`);
    expect(named((await verified(file)).findings)).toEqual([['record-damaged', 17, 17]]);
  });

  test('names an event that was edited together with its checksum', async () => {
    const file = await writtenStore();
    await forge(file, 17);
    const { findings } = await verified(file);
    expect(named(findings)).toEqual([['record-changed', 17, 17]]);
    expect(findings[0]?.message).toContain('position 17 (stream a-0, revision 2)');
  });

  test('names a stream that was put away or cut short behind Millrace’s back', async () => {
    const file = await writtenStore();
    tamper(
      file,
      `UPDATE streams SET state = 1 WHERE name = 'a-0'; UPDATE streams SET max_count = 1 WHERE name = 'a-1'`,
    );
    const { findings } = await verified(file);
    expect(findings.map(({ kind, message }) => [kind, message])).toEqual([
      ['index-wrong', 'Stream a-0 is archived, but the log tells that it is active.'],
      ['index-wrong', 'Stream a-1 has another retention than the log tells.'],
    ]);
  });

  test('names the link behind an event that was edited together with its own link', async () => {
    const file = await writtenStore();
    await forge(file, 17, 1);
    expect(named((await verified(file)).findings)).toEqual([['link-broken', 19, 20]]);
  });

  test('names events that were deleted', async () => {
    const file = await writtenStore();
    tamper(file, 'DELETE FROM event_tags WHERE position IN (5, 6); DELETE FROM events WHERE position IN (5, 6)');
    const kinds = named((await verified(file)).findings);
    expect(kinds).toContainEqual(['position-missing', 5, 6]);
    // What stood behind them in their streams shows the gap as well.
    expect(kinds.filter(([kind]) => kind !== 'position-missing').map(([kind]) => kind)).toEqual([
      'revision-wrong',
      'revision-wrong',
    ]);
  });

  test('names events that changed places', async () => {
    const file = await writtenStore();
    tamper(
      file,
      `UPDATE events SET position = 1000 WHERE position = 9; UPDATE events SET position = 9 WHERE position = 11;
       UPDATE events SET position = 11 WHERE position = 1000`,
    );
    await fixChecksums(file, [9, 11]);
    const kinds = named((await verified(file, { structure: false })).findings);
    expect(kinds).toContainEqual(['record-moved', 9, 9]);
    expect(kinds).toContainEqual(['record-moved', 11, 11]);
  });

  test('names where the log was cut off', async () => {
    const file = await writtenStore();
    tamper(file, 'DELETE FROM event_tags WHERE position > 30; DELETE FROM events WHERE position > 30');
    expect(named((await verified(file)).findings)).toEqual([['log-truncated', 31, 40]]);
  });

  test('finds a log that was cut off with its chain by a checkpoint', async () => {
    const file = await writtenStore();
    const checkpoint = await signed(file);
    tamper(
      file,
      'DELETE FROM event_tags WHERE position > 30; DELETE FROM events WHERE position > 30; DELETE FROM links WHERE last > 30',
    );
    expect((await verified(file)).ok).toBe(true);
    const { findings } = await verified(file, { checkpoints: [checkpoint], publicKey: audit.publicKey });
    expect(named(findings)).toEqual([['log-truncated', 31, 40]]);
  });

  test('finds a log whose chain was made anew by a checkpoint', async () => {
    const file = await writtenStore();
    const checkpoint = await signed(file);
    await forge(file, 17, Number.POSITIVE_INFINITY);
    expect((await verified(file)).ok).toBe(true);
    const { findings } = await verified(file, { checkpoints: [checkpoint], publicKey: audit.publicKey });
    expect(named(findings)).toEqual([['checkpoint-mismatch', 40, 40]]);
  });

  test('takes a log that has gone on for what its checkpoint speaks of', async () => {
    const file = await writtenStore();
    const checkpoint = await signed(file);
    const storage = await openSqlite({ file });
    await storage.commit({ appends: [sampleAppend('later-1')] });
    await storage.close();
    const report = await verified(file, { checkpoints: [checkpoint], publicKey: audit.publicKey });
    expect(report).toMatchObject({ ok: true, events: 41 });
  });

  test('does not believe a checkpoint that was changed or signed by somebody else', async () => {
    const file = await writtenStore();
    const checkpoint = await signed(file);
    const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const changed = { ...checkpoint, position: 38 };
    for (const [checkpoints, publicKey] of [
      [[checkpoint], other],
      [[changed], audit.publicKey],
    ] as const) {
      const { findings } = await verified(file, { checkpoints, publicKey });
      expect(named(findings)).toEqual([['checkpoint-unsigned', null, null]]);
    }
  });

  test('counts events that were written while the chain was turned off, and follows the chain behind them', async () => {
    const file = await writtenStore();
    for (const hashChain of [false, true]) {
      const storage = await openSqlite({ file, hashChain });
      await storage.commit({ appends: [sampleAppend('later-1')] });
      await storage.close();
    }
    expect(await verified(file)).toMatchObject({ ok: true, events: 42, unlinked: 1 });
    tamper(file, `UPDATE events SET data = '[]' WHERE position = 41`);
    expect(named((await verified(file)).findings)).toEqual([['record-damaged', 41, 41]]);
  });

  test('finds an index that says something else than its table', async () => {
    const file = await writtenStore();
    tamper(
      file,
      `UPDATE events SET correlation = 'c-99' WHERE position = 8; DELETE FROM event_tags WHERE position = 12`,
    );
    expect(named((await verified(file)).findings)).toEqual([
      ['structure', 12, 12],
      ['index-wrong', 8, 8],
    ]);
  });

  test('checks a log as it stood when it was opened, whatever is appended meanwhile', async () => {
    const file = await writtenStore();
    const storage = await openSqlite({ file });
    const log = openSqliteLog(file);
    await storage.commit({ appends: [sampleAppend('later-1')] });
    expect(await log.log.head()).toBe(40);
    await log.close();
    expect(await verified(file)).toMatchObject({ ok: true, events: 41 });
    await storage.close();
  });
});

async function signed(file: string): Promise<LogCheckpoint> {
  const log = openSqliteLog(file);
  const link = await log.audit.lastLink();
  await log.close();
  if (link === undefined) throw new Error('There is no link.');
  return signCheckpoint(link, audit.privateKey, new Date(0));
}

/** Edits an event as somebody who knows how checksums are made; with `links`, so many links from its own on are made anew. */
async function forge(file: string, position: number, links = 0): Promise<void> {
  tamper(file, `UPDATE events SET data = '{"forged":true}' WHERE position = ${position}`);
  await fixChecksums(file, [position]);
  const log = openSqliteLog(file);
  const all = await log.audit.readLinks({ after: 0, limit: 10_000 });
  const [record] = await log.audit.readRecords({ after: position - 1, limit: 1 });
  await log.close();
  if (record === undefined) throw new Error('There is no such event.');
  let previous = all.findLast(({ last }) => last < position)?.hash ?? null;
  const database = open(file, {});
  for (const { first, last, records } of all.filter(link => link.last >= position).slice(0, links)) {
    const hashes = Buffer.from(records);
    if (first <= position && position <= last) hashes.write(sha256(textOf(record)), (position - first) * 32, 'hex');
    previous = linkHash(previous, first, last, hashes);
    database.prepare('UPDATE links SET hash = ?, records = ? WHERE last = ?').run(previous, hashes, last);
  }
  database.close();
}

async function fixChecksums(file: string, positions: readonly number[]): Promise<void> {
  const log = openSqliteLog(file);
  const records = await log.audit.readRecords({ after: 0, limit: 10_000 });
  await log.close();
  const database = open(file, {});
  for (const record of records.filter(({ position }) => positions.includes(position))) {
    database
      .prepare('UPDATE events SET checksum = ? WHERE position = ?')
      .run(recordChecksum(textOf(record)), record.position);
  }
  database.close();
}

function textOf(
  record: Parameters<typeof recordText>[0] & Parameters<typeof recordText>[1] & { tags: readonly string[] },
): string {
  return recordText(record, record, record.tags.length === 0 ? null : JSON.stringify(record.tags));
}
