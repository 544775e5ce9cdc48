import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { TailFlags } from '../run-tail.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

const wholeNumber = (min: number) => numberOption({ min, max: Number.MAX_SAFE_INTEGER, whole: true });

/** `millrace tail`: what a server stores, as it comes. */
export function tailCommand(run: Run): Command {
  return new Command('tail')
    .description('Print the events of a server as they come, until Ctrl-C.')
    .option('--url <address>', 'the server', 'http://127.0.0.1:8420')
    .option('--last <n>', 'begin with so many that are there', wholeNumber(0), 10)
    .option('--after <position>', 'begin behind this position instead', wholeNumber(0))
    .option('--count <n>', 'end after so many', wholeNumber(1))
    .option('--type <type...>', 'only events of these types')
    .option('--stream <prefix>', 'only events of streams whose names begin so')
    .option('--json', 'print each event as one line of JSON')
    .addHelpText('after', '\nExample:\n  millrace tail --type OrderPlaced OrderConfirmed --json')
    .action((flags: TailFlags) =>
      run(async output => (await import('../run-tail.ts')).tail(flags, output), flags.json ?? false),
    );
}
