import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { createMillrace, defineApp, type Millrace } from 'millrace';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { latencyFigures } from '../harness/statistics.ts';
import type { OrderData } from '../workload/orders.ts';
import { OrderPlaced } from './shop-events.ts';

const STREAM_EVENTS = 1_000;

/** Reading streams as a program does it. */
export async function millraceStreamReads(log: string, streams: number, { folder }: Surroundings): Promise<Contestant> {
  return streamReads(copyOf(log, folder), streams);
}

/** Reading streams of the store at an address. */
export async function streamReads(store: string, streams: number): Promise<Contestant> {
  const app = await open(store);
  return {
    async round() {
      const latencies = new Float64Array(streams);
      let events = 0;
      const started = performance.now();
      for (let stream = 0; stream < streams; stream++) {
        const asked = performance.now();
        events += (await app.events.readStream(`order-${stream}`, { limit: STREAM_EVENTS })).length;
        latencies[stream] = performance.now() - asked;
      }
      return latencyFigures(latencies, performance.now() - started, events);
    },
    close: () => app.close(),
  };
}

/** Catching up as a program does it: a subscription from the start of the log. */
export async function millraceCatchUp(log: string, { folder }: Surroundings): Promise<Contestant> {
  return catchUpOn(copyOf(log, folder));
}

/** Catching up with the store at an address. */
export async function catchUpOn(store: string): Promise<Contestant> {
  const app = await open(store);
  const head = await app.storage.log.head();
  return {
    async round() {
      let cents = 0;
      let events = 0;
      const handle = (data: OrderData): void => {
        cents += data.cents;
        events++;
      };
      const started = performance.now();
      for await (const { data, position } of app.subscribe()) {
        handle(data as OrderData);
        if (position === head) break;
      }
      return { rate: (events / (performance.now() - started)) * 1000, cents };
    },
    close: () => app.close(),
  };
}

function copyOf(log: string, folder: string): string {
  const file = join(folder, 'millrace.db');
  copyFileSync(log, file);
  return `sqlite:${file}`;
}

function open(store: string): Promise<Millrace> {
  return createMillrace({ app: defineApp({ define: [OrderPlaced] }), store });
}
