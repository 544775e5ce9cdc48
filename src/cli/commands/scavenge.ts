import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { ScavengeFlags } from '../run-scavenge.ts';
import { withStoreOptions } from '../store-options.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace scavenge`: frees what tombstones and retention have let go. */
export function scavengeCommand(run: Run): Command {
  return withStoreOptions(new Command('scavenge'))
    .description(
      'Free the content of tombstoned streams and of events beyond their retention. It can be interrupted and begun again.',
    )
    .option('--dry-run', 'only say what would be freed')
    .option('--yes', 'free it: it cannot be taken back')
    .option('--rate <events>', 'at most so many events a second', numberOption({ min: 1, max: 1_000_000 }))
    .addHelpText('after', '\nExample:\n  millrace scavenge --store sqlite:./shop.db --dry-run')
    .action((flags: ScavengeFlags & { json?: boolean }) =>
      run(async output => (await import('../run-scavenge.ts')).runScavenge(flags, output), flags.json ?? false),
    );
}
