import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { PreallocatedFile } from './write-and-sync.ts';

/**
 * The raw limit of reading: a file with one line of JSON for each event, read from its start and parsed. With `eventsPerSync` the
 * raw limit of what follows the log as well: after so many events as much text as would be kept is written and synced.
 */
export async function readAndParse(
  log: string,
  { folder }: Surroundings,
  written?: { readonly eventsPerSync: number; readonly bytes: number },
): Promise<Contestant> {
  const lines = join(folder, 'events.jsonl');
  exportLines(log, lines);
  const file = new PreallocatedFile(join(folder, 'preallocated'));
  const text = 'x'.repeat(written?.bytes ?? 0);
  return {
    round() {
      let events = 0;
      let parsed: unknown;
      const started = performance.now();
      for (const line of linesOf(lines)) {
        parsed = JSON.parse(line);
        if (++events % (written?.eventsPerSync ?? Number.POSITIVE_INFINITY) === 0) file.write(text);
      }
      if (parsed === undefined) throw new Error('the log is empty');
      return { rate: (events / (performance.now() - started)) * 1000 };
    },
    close: () => file.close(),
  };
}

function* linesOf(path: string): Generator<string> {
  const file = openSync(path, 'r');
  const chunk = Buffer.alloc(1 << 20);
  let rest = '';
  for (let length = readSync(file, chunk); length > 0; length = readSync(file, chunk)) {
    const found = (rest + chunk.toString('latin1', 0, length)).split('\n');
    rest = found.pop() ?? '';
    yield* found;
  }
  closeSync(file);
}

function exportLines(log: string, lines: string): void {
  const database = new Database(log, { readonly: true });
  const file = openSync(lines, 'w');
  const rows = database.prepare(
    'SELECT position, stream, revision, id, data, metadata, recorded_at FROM events ORDER BY position',
  );
  for (const { data, metadata, ...row } of rows.iterate() as Iterable<{ data: string; metadata: string }>) {
    const parsed = { ...row, data: JSON.parse(data), metadata: JSON.parse(metadata) };
    writeSync(file, `${JSON.stringify(parsed)}\n`);
  }
  closeSync(file);
  database.close();
}
