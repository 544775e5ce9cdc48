import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { AppendFlags, ReadFlags } from '../run-event.ts';
import type { StoreFlags } from '../store-api.ts';
import { withStoreOptions } from '../store-options.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

const wholeNumber = numberOption({ min: 0, max: Number.MAX_SAFE_INTEGER, whole: true });
const positionNumber = numberOption({ min: 1, max: Number.MAX_SAFE_INTEGER, whole: true });
const load = () => import('../run-event.ts');

/** `millrace event`: events of a store, appended and read by hand. */
export function eventCommand(run: Run): Command {
  return new Command('event')
    .description('Append events and read them.')
    .addCommand(appendCommand(run))
    .addCommand(readCommand(run))
    .addCommand(
      withStoreOptions(new Command('get'))
        .description('Print the event at a position of the log; ends with 3 when there is none.')
        .argument('<position>', 'its place in the log, from 1', positionNumber)
        .action((position: number, flags: StoreFlags & { json?: boolean }) =>
          run(async output => (await load()).getEvent(position, flags, output), flags.json ?? false),
        ),
    );
}

function appendCommand(run: Run): Command {
  return withStoreOptions(new Command('append'))
    .description(
      'Append an event to a stream, or a batch of them, all or none; ends with 4 when the stream stands elsewhere.',
    )
    .argument('<stream>')
    .argument('[type]', 'of the event; left out with --batch')
    .option('-d, --data <json>', 'its data: JSON, @file, or - for standard input')
    .option('--batch <file>', 'events as lines of JSON, { "type", "data", … } each; - for standard input')
    .option('--expect <revision>', 'where the stream has to stand: any, none, exists, or a revision', 'any')
    .option('--id <uuid>', 'its id: sending the same again then stores nothing')
    .option('--key <text>', 'an idempotency key: for 7 days the same request is answered with the first result')
    .option('--correlation <id>', 'its correlation id')
    .option('--tag <tag...>', 'what it concerns beside its stream')
    .option('--app <module>', 'with --store: a module whose schemas decide what may be appended')
    .addHelpText(
      'after',
      '\nExample:\n  millrace event append order-42 OrderPlaced -d \'{"cents":1250}\' --expect none',
    )
    .action((stream: string, type: string | undefined, flags: AppendFlags) =>
      run(async output => (await load()).appendEvents(stream, type, flags, output), flags.json ?? false),
    );
}

function readCommand(run: Run): Command {
  return withStoreOptions(new Command('read'))
    .description('Print a page of a stream, or of the log when no stream is named.')
    .argument('[stream]')
    .option('--from <revision>', 'the first revision of the stream', wholeNumber)
    .option('--backward', 'the stream from its end')
    .option('--after <position>', 'the log behind this position', wholeNumber)
    .option('--limit <n>', 'how many at most', numberOption({ min: 1, max: 1_000, whole: true }), 50)
    .addHelpText('after', '\nExample:\n  millrace event read order-42 --backward --limit 5')
    .action((stream: string | undefined, flags: ReadFlags) =>
      run(async output => (await load()).readEvents(stream, flags, output), flags.json ?? false),
    );
}
