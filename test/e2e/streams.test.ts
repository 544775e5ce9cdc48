import { expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { projectFolder } from '../project-folder.ts';

const BATCH = Array.from({ length: 5 }, (_, n) => `{"type":"Placed","data":{"n":${n}}}\n`).join('');

test('streams are listed, archived, restored, limited, ended and scavenged', async () => {
  const folder = projectFolder({ 'batch.ndjson': BATCH });
  const run = (...args: readonly string[]) =>
    millrace([...args, '--store', 'sqlite:./shop.db', '--json'], { cwd: folder }).ended;
  const ok = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  for (const stream of ['order-1', 'order-2', 'sensor-1']) {
    await ok('event', 'append', stream, '--batch', 'batch.ndjson');
  }
  expect(await ok('stream', 'archive', 'order-1', '--reason', 'closed')).toEqual({
    ...{ stream: 'order-1', state: 'archived', revision: 4, changed: true },
  });
  const names = ({ items }: { items: { stream: string }[] }) => items.map(({ stream }) => stream);
  expect(names(await ok('stream', 'ls', '--category', 'order'))).toEqual(['order-2']);
  expect(names(await ok('stream', 'ls', '--all', '--limit', '2'))).toEqual(['order-1', 'order-2']);
  expect(names(await ok('stream', 'ls', '--all', '--after', 'order-2'))).toEqual(['sensor-1']);
  const refused = await run('event', 'append', 'order-1', 'Placed', '-d', '{}');
  expect([refused.code, JSON.parse(refused.stderr)]).toMatchObject([4, { code: 'STREAM_ARCHIVED' }]);
  expect(await ok('stream', 'restore', 'order-1')).toMatchObject({ state: 'active', changed: true });

  expect(await ok('stream', 'retention', 'sensor', '--category', '--max-count', '2')).toMatchObject({ maxCount: 2 });
  const unconfirmed = await run('stream', 'tombstone', 'order-2');
  expect([unconfirmed.code, JSON.parse(unconfirmed.stderr).message]).toMatchObject([
    2,
    expect.stringContaining('--confirm order-2'),
  ]);
  expect(await ok('stream', 'tombstone', 'order-2', '--confirm', 'order-2')).toMatchObject({ state: 'tombstoned' });
  expect((await run('event', 'read', 'order-2')).code).toBe(4);
  expect((await run('scavenge')).code).toBe(2);
  const planned = await ok('scavenge', '--dry-run');
  expect(planned).toMatchObject({ dryRun: true, events: 8, streams: 2, complete: true });
  expect(await ok('scavenge', '--yes')).toEqual({ ...planned, dryRun: false });
  expect(await ok('scavenge', '--yes')).toMatchObject({ events: 0 });
  expect(await ok('verify')).toMatchObject({ ok: true, findings: [] });
  expect((await run('stream', 'archive', 'nobody')).code).toBe(3);
});
