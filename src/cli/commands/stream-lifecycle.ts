import { Command, InvalidArgumentError } from 'commander';
import { type Duration, messageOf, milliseconds } from '../../core/index.ts';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { ChangeFlags, ListFlags, RetentionFlags } from '../run-stream-lifecycle.ts';
import { withStoreOptions } from '../store-options.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;
type Json = { readonly json?: boolean };

/** The commands of `millrace stream` that list, archive, restore, end and limit streams. */
export function streamLifecycleCommands(run: Run): Command[] {
  const load = () => import('../run-stream-lifecycle.ts');
  return [
    withStoreOptions(new Command('ls'))
      .description('List streams by name, a page at a time.')
      .option('--prefix <text>', 'only names that begin so')
      .option('--category <name>', 'only streams of this category: order wants order-42')
      .option('--after <stream>', 'only names behind this one')
      .option('--limit <count>', 'how many', numberOption({ min: 1, max: 1_000, whole: true }), 100)
      .option('--all', 'archived and tombstoned streams too')
      .action((flags: ListFlags & Json) =>
        run(async output => (await load()).listStreams(flags, output), flags.json ?? false),
      ),
    changing('archive')
      .description('Put a stream away: it takes no events, and reads leave it out. It can be restored.')
      .action((stream: string, flags: ChangeFlags & Json) =>
        run(async output => (await load()).archiveStream(stream, flags, output), flags.json ?? false),
      ),
    changing('restore')
      .description('Bring an archived stream back.')
      .action((stream: string, flags: ChangeFlags & Json) =>
        run(async output => (await load()).restoreStream(stream, flags, output), flags.json ?? false),
      ),
    changing('tombstone')
      .description('End a stream for good: it is never read or written again, and the next scavenge frees it.')
      .option('--confirm <stream>', 'the name of the stream once more')
      .action((stream: string, flags: ChangeFlags & Json) =>
        run(async output => (await load()).tombstoneStream(stream, flags, output), flags.json ?? false),
      ),
    withStoreOptions(new Command('retention'))
      .description('Limit what is kept of a stream, or of every stream of a category; without limits, keep everything.')
      .argument('<name>')
      .option('--category', 'the name is that of a category')
      .option(
        '--max-count <count>',
        'the last events',
        numberOption({ min: 1, max: Number.MAX_SAFE_INTEGER, whole: true }),
      )
      .option('--max-age <duration>', 'events that are no older, such as 30d', age)
      .action((name: string, flags: RetentionFlags & Json) =>
        run(async output => (await load()).setRetention(name, flags, output), flags.json ?? false),
      ),
  ];
}

function changing(name: string): Command {
  return withStoreOptions(new Command(name)).argument('<stream>').option('--reason <text>', 'kept in the log');
}

function age(text: string): number {
  try {
    return milliseconds(text as Duration, '--max-age');
  } catch (thrown) {
    throw new InvalidArgumentError(messageOf(thrown));
  }
}
