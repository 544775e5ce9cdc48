import { randomUUIDv7 } from 'node:crypto';
import { createMillrace, defineApp, type Millrace } from 'millrace';
import { type OrderData, orderData } from '../workload/orders.ts';
import { type SampleLog, sampleLogFile } from '../workload/sample-logs.ts';
import { OrderPlaced } from './shop-events.ts';

const APPENDS_AT_ONCE = 64;

/** Fills a store with orders through the public face. The floor reads a copy of the same file. */
export function fillSampleLog(folder: string, log: SampleLog): Promise<void> {
  return fillStore(`sqlite:${sampleLogFile(folder)}`, log);
}

/** Fills the store at an address with orders through the public face. */
export async function fillStore(store: string, log: SampleLog): Promise<void> {
  const app = await createMillrace({ app: defineApp({ define: [OrderPlaced] }), store });
  for (let start = 0; start < log.eventsPerStream; start += log.eventsPerAppend) {
    for (let stream = 0; stream < log.streams; stream += APPENDS_AT_ONCE) {
      const last = Math.min(stream + APPENDS_AT_ONCE, log.streams);
      const streams = Array.from({ length: last - stream }, (_, offset) => stream + offset);
      await Promise.all(streams.map(number => appendSome(app, log, number, start)));
    }
  }
  await app.close();
}

async function appendSome(app: Millrace, log: SampleLog, stream: number, start: number): Promise<void> {
  const { streams, eventsPerStream, eventsPerAppend } = log;
  const total = streams * eventsPerStream;
  const first = start * streams + stream * eventsPerAppend;
  const events = Array.from({ length: eventsPerAppend }, (_, index): OrderData => orderData(first + index, total));
  const context = { correlationId: randomUUIDv7(), causationId: randomUUIDv7(), userId: `clerk-${stream % 64}` };
  await app.append(
    `order-${stream}`,
    events.map(each => OrderPlaced(each)),
    context,
  );
}
