import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { StateFlags } from '../run-stream.ts';
import type { StoreFlags } from '../store-api.ts';
import { withStoreOptions } from '../store-options.ts';
import { streamLifecycleCommands } from './stream-lifecycle.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace stream`: one stream as a whole. */
export function streamCommand(run: Run): Command {
  const load = () => import('../run-stream.ts');
  const command = new Command('stream')
    .description('Look at streams and at the state that their events make; archive, restore, end and limit them.')
    .addCommand(
      withStoreOptions(new Command('info'))
        .description('Say how many events a stream has, its first and its last one; ends with 3 when there are none.')
        .argument('<stream>')
        .action((stream: string, flags: StoreFlags & { json?: boolean }) =>
          run(async output => (await load()).streamInfo(stream, flags, output), flags.json ?? false),
        ),
    )
    .addCommand(
      new Command('state')
        .description('Print the state that the decider of a stream makes of its events.')
        .argument('<stream>')
        .requiredOption('--app <module>', 'module whose default export is an app with the decider')
        .option(
          '--at <revision>',
          'the state as it was then',
          numberOption({ min: 0, max: Number.MAX_SAFE_INTEGER, whole: true }),
        )
        .option('--store <url>', 'the store: sqlite:<file> or postgres://…', 'sqlite:./millrace.db')
        .option('--json', 'print the result as JSON')
        .addHelpText('after', '\nExample:\n  millrace stream state order-42 --app ./shop.js --at 3')
        .action((stream: string, flags: StateFlags & { json?: boolean }) =>
          run(async output => (await load()).streamState(stream, flags, output), flags.json ?? false),
        ),
    );
  for (const each of streamLifecycleCommands(run)) command.addCommand(each);
  return command;
}
