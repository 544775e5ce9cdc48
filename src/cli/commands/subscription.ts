import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { PullFlags, ServerFlags, SettleFlags } from '../run-subscription.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

const load = () => import('../run-subscription.ts');
const countOption = numberOption({ min: 1, max: 1_000, whole: true });
const positionOption = numberOption({ min: 1, max: Number.MAX_SAFE_INTEGER, whole: true });

/** `millrace subscription`: where the subscriptions of a running app stand, what they have parked, and pulling by hand. */
export function subscriptionCommand(run: Run): Command {
  return new Command('subscription')
    .description('Show where subscriptions stand and what they have parked; replay it; pull events and settle them.')
    .addCommand(
      withOptions(new Command('ls'))
        .description('List the subscriptions.')
        .action((flags: ServerFlags) =>
          run(async output => (await load()).listSubscriptions(flags, output), flags.json),
        ),
    )
    .addCommand(
      withOptions(new Command('info').argument('<name>'))
        .description('Show one of them, partition by partition.')
        .action((name: string, flags: ServerFlags) =>
          run(async output => (await load()).showSubscription(name, flags, output), flags.json),
        ),
    )
    .addCommand(
      withOptions(new Command('parked').argument('<name>'))
        .description('List the events that it gave up and keeps.')
        .option('--limit <n>', 'how many', countOption, 50)
        .action((name: string, flags: ServerFlags) =>
          run(async output => (await load()).listParked(name, flags, output), flags.json),
        ),
    )
    .addCommand(
      withOptions(new Command('replay').argument('<name>'))
        .description('Let parked events be handled again, the first ones first.')
        .option('--limit <n>', 'how many (all)', positionOption)
        .addHelpText('after', '\nExample:\n  millrace subscription replay mails --limit 10')
        .action((name: string, flags: ServerFlags) =>
          run(async output => (await load()).replayParked(name, flags, output), flags.json),
        ),
    )
    .addCommand(pullCommand(run))
    .addCommand(
      settling(run, 'ack', 'acks')
        .description('Acknowledge what was pulled under a lease.')
        .option('--through <position>', 'only up to this position', positionOption),
    )
    .addCommand(
      withReason(settling(run, 'nack', 'nacks'))
        .description('Give an event back, and all that was pulled behind it; those before it are acknowledged.')
        .option('--delay <duration>', 'when it comes again, such as 30s'),
    )
    .addCommand(
      withReason(settling(run, 'park', 'parks')).description(
        'Give an event up and keep it, with what comes under its key.',
      ),
    )
    .addCommand(
      settling(run, 'extend', 'extensions')
        .description('Hide what was pulled from others for longer.')
        .option('--visibility <duration>', 'for how long from now', '30s'),
    );
}

function pullCommand(run: Run): Command {
  return withOptions(new Command('pull').argument('<name>'))
    .description('Take events of a subscription without a function; print them with the lease that settles them.')
    .option('--limit <n>', 'most events', countOption, 10)
    .option('--visibility <duration>', 'how long they are hidden from others', '30s')
    .option('--wait <duration>', 'how long to wait when there are none', '0s')
    .option('--consumer <name>', 'who asks')
    .addHelpText('after', '\nExample:\n  millrace subscription pull invoices --limit 1 --wait 10s --json')
    .action((name: string, flags: PullFlags) =>
      run(async output => (await load()).pullEvents(name, flags, output), flags.json),
    );
}

function settling(run: Run, verb: string, how: 'acks' | 'nacks' | 'parks' | 'extensions'): Command {
  return withOptions(new Command(verb).argument('<name>').argument('<lease>')).action(
    (name: string, lease: string, flags: SettleFlags) =>
      run(async output => (await load()).settleEvents(name, how, lease, flags, output), flags.json),
  );
}

function withReason(command: Command): Command {
  return command
    .option('--position <position>', 'which event; the first one when left out', positionOption)
    .option('--reason <text>', 'kept with the event');
}

function withOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the app is served', 'http://127.0.0.1:8420')
    .option('--json', 'print the result as JSON');
}
