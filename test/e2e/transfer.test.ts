import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { verified, writtenStore } from '../integration/damaged-store.ts';

test('export and import bring a log to another store, and write down positions that are others', async () => {
  const store = await writtenStore();
  const [file, copy, map] = ['log.ndjson', 'copy.db', 'map.ndjson'].map(name => join(dirname(store), name)) as [
    string,
    string,
    string,
  ];
  const run = (...args: string[]) => millrace(args).ended;
  const written = await run('export', file, '--store', `sqlite:${store}`, '--json');
  expect(written.code).toBe(0);
  expect(JSON.parse(written.stdout)).toMatchObject({
    format: 'millrace-export/1',
    events: 'ndjson',
    count: 40,
    head: 40,
  });
  expect(await run('export', file, '--store', `sqlite:${store}`)).toMatchObject({ code: 4 });
  expect((await run('import', file, '--store', `sqlite:${copy}`)).stdout).toContain('all positions are kept');
  expect(await verified(copy)).toMatchObject({ ok: true, events: 40 });
  const other = await writtenStore({ commits: 1 });
  expect(await run('import', file, '--store', `sqlite:${other}`)).toMatchObject({ code: 4 });
  expect(await run('import', file, '--store', `sqlite:${other}`, '--map', map)).toMatchObject({ code: 0 });
  const lines = readFileSync(map, 'utf8').trim().split('\n');
  expect(lines.map(line => (JSON.parse(line) as { to: number }).to)).toEqual(
    Array.from({ length: 40 }, (_, n) => n + 3),
  );
  expect(await run('import', `${file}-nothing`, '--store', `sqlite:${copy}`)).toMatchObject({ code: 3 });
});
