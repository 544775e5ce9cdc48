import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { type OrderData, orderData } from '../workload/orders.ts';
import { type PacedLoad, pacedAppends } from '../workload/paced-appends.ts';
import { FloorDatabase } from './floor-database.ts';
import { FloorEventReader } from './floor-event-reader.ts';
import { FloorLog } from './floor-log.ts';
import { FloorCustomers } from './floor-projection.ts';

const PAGE = 500;

/** The floor of reading one's own write: each commit wakes a loop that folds what is new and wakes those who wait for it. */
export async function floorReadYourWrite(load: PacedLoad, { folder }: Surroundings): Promise<Contestant> {
  const database = new FloorDatabase(join(folder, 'floor.db'));
  const log = new FloorLog(database);
  const customers = new FloorCustomers(database, 1);
  let reader: FloorEventReader | undefined;
  let folded = 0;
  let folding = false;
  let waiting: { position: number; resolve: () => void }[] = [];

  const follow = async (): Promise<void> => {
    if (folding) return;
    folding = true;
    for (;;) {
      // Made after the first event, because it remembers the types.
      reader ??= new FloorEventReader(database.database);
      const page = reader.page(folded, PAGE);
      const last = page.at(-1);
      if (last === undefined) break;
      const from = folded;
      await customers.fold(
        page.map(({ data }) => data as OrderData),
        from,
        last.position,
      );
      folded = last.position;
      for (const { position, resolve } of waiting) if (position <= folded) resolve();
      waiting = waiting.filter(({ position }) => position > folded);
    }
    folding = false;
  };
  let appended = 0;
  const appendAndSee = async (index: number): Promise<void> => {
    const stream = `order-${++appended}`;
    const metadata = { correlationId: stream };
    const row = log.row(stream, { type: 'OrderPlaced', data: orderData(index, load.appends), metadata });
    const position = await database.submit(2, () => {
      log.check(stream, 'noStream');
      return log.write(stream, [row], Date.now());
    });
    const seen = new Promise<void>(resolve => waiting.push({ position, resolve }));
    void follow();
    await seen;
  };
  return { round: () => pacedAppends(load, appendAndSee), close: () => database.close() };
}
