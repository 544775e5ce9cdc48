import { randomUUIDv7 } from 'node:crypto';
import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from '../workload/callers.ts';
import { FloorDatabase } from './floor-database.ts';
import { FloorLog } from './floor-log.ts';

/** The floor of appending: the rows of the backend by nothing but SQLite and group commit. */
export async function floorAppends(load: AppendLoad, { folder }: Surroundings): Promise<Contestant> {
  const database = new FloorDatabase(join(folder, 'floor.db'));
  const log = new FloorLog(database);
  const callers = new Callers(load, randomUUIDv7, ({ stream, expected, context }, data) => {
    const rows = data.map(each => log.row(stream, { type: 'OrderPlaced', data: each, metadata: context }));
    return database.submit(1 + rows.length, () => {
      log.check(stream, expected);
      return log.write(stream, rows, Date.now());
    });
  });
  return { round: () => callers.round(), close: () => database.close() };
}
