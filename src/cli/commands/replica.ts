import { Command } from 'commander';
import type { Output } from '../output.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

interface PromoteFlags {
  readonly store: string;
  readonly json?: boolean;
}

interface ServedFlags {
  readonly url: string;
  readonly json?: boolean;
}

const load = () => import('../run-replica.ts');

/** `millrace replica`: the secondaries of a store, and what is done to one. */
export function replicaCommand(run: Run): Command {
  return new Command('replica')
    .description('Show the secondaries of a served store, compare one with it, or promote one.')
    .addCommand(
      served(new Command('ls'))
        .description('List the secondaries: how each gets on, and how far it is behind.')
        .action(({ url, json }: ServedFlags) => run(async output => (await load()).listSecondaries(url, output), json)),
    )
    .addCommand(
      served(new Command('compare').argument('<name>'))
        .description(
          'Compare every event of a secondary with its primary; ends with 7 and the first position that differs.',
        )
        .action((name: string, { url, json }: ServedFlags) =>
          run(async output => (await load()).compareSecondary(name, url, output), json),
        ),
    )
    .addCommand(
      new Command('promote')
        .description('Make a secondary a primary, once the lease of the old primary has ended.')
        .requiredOption('--store <url>', 'the secondary: sqlite:<file> or postgres://…')
        .option('--json', 'print the result as one JSON object')
        .addHelpText('after', '\nExample:\n  millrace replica promote --store sqlite:./standby.db')
        .action(({ store, json }: PromoteFlags) =>
          run(async output => (await load()).promoteSecondary(store, output), json),
        ),
    );
}

function served(command: Command): Command {
  return command
    .option('--url <url>', 'where the primary is served', 'http://127.0.0.1:8420')
    .option('--json', 'print the result as one JSON object');
}
