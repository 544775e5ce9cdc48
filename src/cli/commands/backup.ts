import { Command } from 'commander';
import type { Output } from '../output.ts';
import type { BackupFlags } from '../run-backup.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace backup`: copies of a store that are proven to be whole. */
export function backupCommand(run: Run): Command {
  const load = () => import('../run-backup.ts');
  return new Command('backup')
    .description(
      'Copy a store, while it is in use, into a folder that is proven to be whole; check and restore such folders.',
    )
    .addCommand(
      new Command('create')
        .argument('<folder>', 'the folder to make')
        .description('Copy a store as it stands now; its server may go on appending.')
        .option('--store <url>', 'the store to copy', 'sqlite:./millrace.db')
        .option('--json', 'print the manifest as one JSON object')
        .addHelpText('after', '\nExample:\n  millrace backup create ./backups/monday --store sqlite:./shop.db')
        .action((folder: string, flags: BackupFlags) =>
          run(async output => (await load()).runCreate(folder, flags, output), flags.json ?? false),
        ),
    )
    .addCommand(
      new Command('verify')
        .argument('<folder>', 'the backup')
        .description('Check that a backup is what was written; ends with 7 when it is not.')
        .option('--json', 'print the report as one JSON object')
        .action((folder: string, flags: { json?: boolean }) =>
          run(async output => (await load()).runVerifyBackup(folder, output), flags.json ?? false),
        ),
    )
    .addCommand(
      new Command('restore')
        .argument('<folder>', 'the backup')
        .description('Make a store of a backup; never over one that exists.')
        .requiredOption('--store <url>', 'the store to make')
        .option('--json', 'print the manifest as one JSON object')
        .addHelpText('after', '\nExample:\n  millrace backup restore ./backups/monday --store sqlite:./restored.db')
        .action((folder: string, flags: BackupFlags) =>
          run(async output => (await load()).runRestore(folder, flags, output), flags.json ?? false),
        ),
    );
}
