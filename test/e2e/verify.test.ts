import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { tamper, writtenStore } from '../integration/damaged-store.ts';

test('verify says that a log is what was written, beside the process that owns it', async () => {
  const file = await writtenStore();
  const owner = await openSqlite({ file });
  const { code, stdout } = await millrace(['verify', '--store', `sqlite:${file}`]).ended;
  await owner.close();
  expect(stdout).toMatch(
    /^OK: 40 events in 7 streams, 0 findings\ncontent [0-9a-f]{64}\nchain {3}[0-9a-f]{64} at position 40\n$/,
  );
  expect(code).toBe(0);
});

test('verify names what is wrong and ends with 7', async () => {
  const file = await writtenStore();
  tamper(file, `UPDATE events SET data = '{}' WHERE position = 12`);
  const { code, stdout } = await millrace(['verify', '--store', `sqlite:${file}`, '--json']).ended;
  expect(code).toBe(7);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    events: 40,
    found: 1,
    findings: [{ kind: 'record-damaged', position: 12 }],
  });
});

test('verify says that there is no store, and makes none', async () => {
  const file = join(dirname(await writtenStore()), 'nothing.db');
  const { code, stderr } = await millrace(['verify', '--store', `sqlite:${file}`, '--json']).ended;
  expect(code).toBe(3);
  expect(JSON.parse(stderr)).toMatchObject({ code: 'NOT_FOUND', exitCode: 3 });
  expect(existsSync(file)).toBe(false);
});

test('checkpoint signs a log that is right, and verify then finds what was cut off', async () => {
  const file = await writtenStore();
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const [key, pub, out] = ['audit.pem', 'audit.pub.pem', 'monday.json'].map(name => join(dirname(file), name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(pub, publicKey.export({ type: 'spki', format: 'pem' }));
  const sign = ['checkpoint', '--store', `sqlite:${file}`, '--key', key, '--out', out];
  expect(await millrace(sign).ended).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({ format: 'millrace-checkpoint/1', position: 40 });
  expect(await millrace(sign).ended, 'no checkpoint is written over').toMatchObject({ code: 4 });
  const verify = ['verify', '--store', `sqlite:${file}`, '--checkpoint', out, '--public-key', pub];
  expect(await millrace(verify).ended).toMatchObject({ code: 0 });
  tamper(
    file,
    'DELETE FROM event_tags WHERE position > 38; DELETE FROM events WHERE position > 38; DELETE FROM links WHERE last > 38',
  );
  const { code, stdout } = await millrace(verify).ended;
  expect(stdout).toContain('log-truncated');
  expect(code).toBe(7);
});
