import { fileURLToPath } from 'node:url';
import { createLogger, MillraceError, systemClock } from '../index.ts';
import { EXIT } from './exit-code.ts';
import { interrupted } from './interrupt.ts';
import type { Output } from './output.ts';
import { type ProgressLine, progressLine } from './progress-line.ts';
import { type DemoSummary, summaryLines } from './summary-lines.ts';

/** What the flags of the demo say. */
export interface DemoFlags {
  readonly orders?: string;
  readonly data: string;
  readonly store?: string;
  readonly port?: number;
  readonly declineRate: number;
  readonly flakyRate: number;
  readonly timeScale: number;
  readonly seed: number;
  readonly resume?: boolean;
  readonly serve: boolean;
  readonly json?: boolean;
}

/** What the command needs of the example that it runs. */
interface OrderProcessing {
  readonly sampleOrders: string;
  runDemo(
    options: Omit<DemoFlags, 'port'> & { orders: string; port: number | undefined; resume: boolean },
    reporter: { started(address: string, orders: number): void; progress(ended: number, orders: number): void },
    logger: unknown,
  ): Promise<{ summary: DemoSummary; differences: readonly string[]; address: string; close(): Promise<void> }>;
}

/** Runs the demo and, unless told otherwise, serves its dashboard until it is told to end; answers the exit code. */
export async function runDemo(flags: DemoFlags, output: Output): Promise<number> {
  const example = await loadExample();
  const ending = interrupted();
  let line: ProgressLine | undefined;
  const running = example.runDemo(
    { ...flags, orders: flags.orders ?? example.sampleOrders, port: flags.port, resume: flags.resume ?? false },
    {
      started(address, orders) {
        output.note(`Dashboard: ${address}/ui/`);
        line = progressLine('orders', orders, systemClock.monotonic);
      },
      progress: ended => line?.update(ended),
    },
    createLogger('error'),
  );
  const finished = await Promise.race([running, ending]).finally(() => line?.end());
  if (typeof finished === 'string') {
    output.note('Interrupted. Run the same command with --resume to go on where it stopped.');
    return EXIT.interrupted;
  }
  const { summary, differences, address, close } = finished;
  output.result(summary, () => summaryLines(summary));
  for (const difference of differences) output.note(`NOT AS EXPECTED  ${difference}`);
  if (flags.serve) {
    output.note(`Serving ${address}/ui/ until Ctrl-C.`);
    await ending;
  }
  await close();
  return summary.verified ? EXIT.ok : EXIT.checkFailed;
}

/** The example stands beside the command line in the package, built like it. */
async function loadExample(): Promise<OrderProcessing> {
  const fromSource = import.meta.url.endsWith('.ts');
  const path = fromSource ? '../../dist/examples' : '../examples';
  const module = new URL(`${path}/order-processing/main.js`, import.meta.url);
  try {
    return (await import(module.href)) as OrderProcessing;
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MillraceError(
      'NOT_FOUND',
      `The demo is not built (${fileURLToPath(module)} is missing). Run: npm run build`,
      {
        cause,
      },
    );
  }
}
