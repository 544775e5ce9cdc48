import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { sampleOrders } from '../../examples/order-processing/main.ts';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { multiplyOrders } from '../workload/multiplied-orders.ts';
import type { DemoRun } from './demo-process.ts';

const PROCESS = new URL('./demo-process.ts', import.meta.url);
/** What the command line sets before it runs anything. */
const COMMAND_LINE_HEAP = ['--heap-growing-percent=50', '--no-allocation-site-pretenuring'];

/** The whole order system, each run in a process of its own, on so many times the orders of the sample. */
export async function millraceDemo(copies: number, { folder }: Surroundings): Promise<Contestant> {
  const file = join(folder, 'orders.txt');
  const orders = multiplyOrders(sampleOrders, file, copies);
  return {
    async round() {
      const demo = fork(PROCESS, [file, join(folder, 'data')], { execArgv: COMMAND_LINE_HEAP });
      const exit = once(demo, 'exit');
      const ended = exit.then(([code]): never => {
        throw new Error(`the demo ended with ${code}`);
      });
      const [run] = (await Promise.race([once(demo, 'message'), ended])) as [DemoRun];
      await exit;
      if (!run.verified) throw new Error('the demo came to figures that are not those of its input');
      const { seconds, events, rssByTenth, rssAtEnd } = run;
      const rssAtTenth = rssByTenth[0] as number;
      return {
        rate: orders / seconds,
        events: events / seconds,
        seconds,
        rssAtTenth,
        rssAtEnd,
        growth: rssAtEnd / rssAtTenth,
      };
    },
    close: () => undefined,
  };
}
