import { Command } from 'commander';
import type { Output } from '../output.ts';
import type { StateFlags } from '../run-stream.ts';
import type { StoreFlags } from '../store-api.ts';
import { withStoreOptions } from '../store-options.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace stream`: one stream as a whole. */
export function streamCommand(run: Run): Command {
  const load = () => import('../run-stream.ts');
  return new Command('stream')
    .description('Look at a stream and at the state that its events make.')
    .addCommand(
      withStoreOptions(new Command('info'))
        .description('Say how many events a stream has, its first and its last one; ends with 3 when there are none.')
        .argument('<stream>')
        .action((stream: string, flags: StoreFlags & { json?: boolean }) =>
          run(async output => (await load()).streamInfo(stream, flags, output), flags.json ?? false),
        ),
    )
    .addCommand(
      withStoreOptions(new Command('state'))
        .description(
          'Print the state that the decider of a stream makes of its events, what changed in it, or who changed it.',
        )
        .argument('<stream>')
        .option('--app <module>', 'module whose default export is an app with the decider; a server has its own')
        .option('--at <when>', 'the state as it was then: a revision, or a time such as 2026-01-31T12:00:00Z')
        .option('--diff <when>', 'what changed since then, up to --at')
        .option('--blame <pointer>', 'which events set a field, the last one first: a JSON pointer such as /status')
        .addHelpText(
          'after',
          `
Examples:
  millrace stream state order-42 --app ./shop.js --at 3
  millrace stream state order-42 --app ./shop.js --diff 2 --at 3
  millrace stream state order-42 --url http://127.0.0.1:8420 --blame /status`,
        )
        .action((stream: string, flags: StateFlags & { json?: boolean }) =>
          run(async output => (await load()).streamState(stream, flags, output), flags.json ?? false),
        ),
    );
}
