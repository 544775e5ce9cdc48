import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { ServerFlags } from '../run-subscription.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace subscription`: where the subscriptions of a running app stand, and what they have parked. */
export function subscriptionCommand(run: Run): Command {
  const load = () => import('../run-subscription.ts');
  return new Command('subscription')
    .description('Show where subscriptions stand and what they have parked; replay it.')
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
        .option('--limit <n>', 'how many', numberOption({ min: 1, max: 1_000, whole: true }), 50)
        .action((name: string, flags: ServerFlags) =>
          run(async output => (await load()).listParked(name, flags, output), flags.json),
        ),
    )
    .addCommand(
      withOptions(new Command('replay').argument('<name>'))
        .description('Let parked events be handled again, the first ones first.')
        .option('--limit <n>', 'how many (all)', numberOption({ min: 1, max: Number.MAX_SAFE_INTEGER, whole: true }))
        .addHelpText('after', '\nExample:\n  millrace subscription replay mails --limit 10')
        .action((name: string, flags: ServerFlags) =>
          run(async output => (await load()).replayParked(name, flags, output), flags.json),
        ),
    );
}

function withOptions(command: Command): Command {
  return command
    .option('--server <url>', 'where the app is served', 'http://127.0.0.1:8420')
    .option('--json', 'print the result as JSON');
}
