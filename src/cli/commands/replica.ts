import { Command } from 'commander';
import type { Output } from '../output.ts';

interface PromoteFlags {
  readonly store: string;
  readonly json?: boolean;
}

/** `millrace replica`: what is done to a secondary. */
export function replicaCommand(
  run: (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>,
): Command {
  return new Command('replica').description('Promote a secondary.').addCommand(
    new Command('promote')
      .description('Make a secondary a primary, once the lease of the old primary has ended.')
      .requiredOption('--store <url>', 'the secondary: sqlite:<file> or postgres://…')
      .option('--json', 'print the result as one JSON object')
      .addHelpText('after', '\nExample:\n  millrace replica promote --store sqlite:./standby.db')
      .action(({ store, json }: PromoteFlags) =>
        run(async output => (await import('../run-promote.ts')).runPromote(store, output), json),
      ),
  );
}
