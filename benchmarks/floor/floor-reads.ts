import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { latencyFigures } from '../harness/statistics.ts';
import type { OrderData } from '../workload/orders.ts';
import { FloorDatabase } from './floor-database.ts';
import { FloorEventReader } from './floor-event-reader.ts';

const PAGE = 1_000;

/** The floor of reading streams: each stream of the log by one statement, data and metadata parsed. */
export async function floorStreamReads(log: string, streams: number, { folder }: Surroundings): Promise<Contestant> {
  const { database, reader } = openCopy(log, folder);
  return {
    round() {
      const latencies = new Float64Array(streams);
      let events = 0;
      const started = performance.now();
      for (let stream = 0; stream < streams; stream++) {
        const asked = performance.now();
        events += reader.stream(`order-${stream}`, 0, PAGE).length;
        latencies[stream] = performance.now() - asked;
      }
      return latencyFigures(latencies, performance.now() - started, events);
    },
    close: () => database.close(),
  };
}

/** The floor of catching up: the whole log in pages, data and metadata parsed, each event handed to a function. */
export async function floorCatchUp(log: string, { folder }: Surroundings): Promise<Contestant> {
  const { database, reader } = openCopy(log, folder);
  return {
    round() {
      let cents = 0;
      let events = 0;
      const handle = (data: OrderData): void => {
        cents += data.cents;
        events++;
      };
      const started = performance.now();
      for (let after = 0; ; ) {
        const page = reader.page(after, PAGE);
        for (const event of page) handle(event.data as OrderData);
        after = page.at(-1)?.position ?? after;
        if (page.length < PAGE) break;
      }
      return { rate: (events / (performance.now() - started)) * 1000, cents };
    },
    close: () => database.close(),
  };
}

function openCopy(log: string, folder: string): { database: FloorDatabase; reader: FloorEventReader } {
  const file = join(folder, 'floor.db');
  copyFileSync(log, file);
  const database = new FloorDatabase(file);
  return { database, reader: new FloorEventReader(database.database) };
}
