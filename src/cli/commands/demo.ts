import { Command } from 'commander';
import { numberOption, portOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { DemoFlags } from '../run-demo.ts';

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
    .action((flags: DemoFlags) =>
      run(async output => (await import('../run-demo.ts')).runDemo(flags, output), flags.json ?? false),
    );
}
