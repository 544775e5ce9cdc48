import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { createLogger, MillraceError, systemClock } from '../../index.ts';
import { EXIT } from '../exit-code.ts';
import { interrupted } from '../interrupt.ts';
import { numberOption, portOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import { type ProgressLine, progressLine } from '../progress-line.ts';
import { type DemoSummary, summaryLines } from '../summary-lines.ts';

interface DemoFlags {
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

const share = numberOption({ min: 0, max: 1 });

/** `millrace demo`: the order system of the examples on real orders, verified. */
export function demoCommand(
  run: (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>,
): Command {
  return new Command('demo')
    .description('Run the order-processing system on 6,919 real orders and verify what comes of it.')
    .option('--orders <file>', 'file of purchases (the CDNOW sample that comes with Millrace)')
    .option('--data <dir>', 'folder for the files of the run', './.millrace/demo')
    .option('--store <url>', 'where facts are kept: postgres://… or sqlite:<file> (a file in the folder of the run)')
    .option('--port <n>', 'port of the dashboard (any free one)', portOption)
    .option('--decline-rate <p>', 'share of payments that are declined for good', share, 0)
    .option('--flaky-rate <p>', 'share of calls whose first attempt fails', share, 0)
    .option('--time-scale <x>', 'divide the waits between tries', numberOption({ min: 0.001, max: 1_000_000 }), 1)
    .option(
      '--seed <n>',
      'choose who is declined and what fails',
      numberOption({ min: 0, max: 2 ** 31, whole: true }),
      1,
    )
    .option('--resume', 'go on with a run that was interrupted')
    .option('--no-serve', 'end after the summary instead of serving the dashboard')
    .option('--json', 'print the summary as one JSON object')
    .addHelpText('after', '\nExample:\n  millrace demo --decline-rate 0.05 --flaky-rate 0.1 --time-scale 100')
    .action((flags: DemoFlags) => run(output => demo(flags, output), flags.json ?? false));
}

async function demo(flags: DemoFlags, output: Output): Promise<number> {
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
  const path = fromSource ? '../../../dist/examples' : '../../examples';
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
