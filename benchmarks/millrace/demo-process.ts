/* One run of the order system in a process that does nothing else; it tells how long it took and how much memory it held. */
import { createLogger } from 'millrace';
import { runDemo } from '../../examples/order-processing/main.ts';

/** What a run of the demo came to. */
export interface DemoRun {
  readonly seconds: number;
  readonly verified: boolean;
  readonly events: number;
  /** Resident memory in MiB, when each tenth of the orders had ended. */
  readonly rssByTenth: readonly number[];
  /** The same after the summary. */
  readonly rssAtEnd: number;
}

const TENTHS = 10;
const [orders = '', data = ''] = process.argv.slice(2);
const rssByTenth: number[] = [];
const rss = (): number => process.memoryUsage.rss() / 2 ** 20;
const options = { declineRate: 0, flakyRate: 0, timeScale: 1, seed: 1, resume: false, port: undefined };
const demo = await runDemo(
  { ...options, orders, data },
  {
    started: () => undefined,
    progress: (ended, all) => {
      while (rssByTenth.length < TENTHS && ended >= (all * (rssByTenth.length + 1)) / TENTHS) rssByTenth.push(rss());
    },
  },
  createLogger('error'),
);
const { seconds, verified, eventsAppended: events } = demo.summary;
process.send?.({ seconds, verified, events, rssByTenth, rssAtEnd: rss() } satisfies DemoRun);
await demo.close();
process.disconnect();
