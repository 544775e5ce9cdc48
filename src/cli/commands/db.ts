import { Command } from 'commander';
import type { Output } from '../output.ts';
import type { DatabaseFlags } from '../run-db.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace db`: the tables of a store, before and after an upgrade. */
export function databaseCommand(run: Run): Command {
  const load = () => import('../run-db.ts');
  return new Command('db')
    .description('Look at the tables of a store, and bring them to the version that this Millrace needs.')
    .addCommand(
      withOptions(new Command('status'))
        .description('Say which version the tables have; ends with 7 when they are not the newest.')
        .addHelpText('after', '\nExample:\n  millrace db status --store postgres://shop@localhost/shop')
        .action((flags: DatabaseFlags) =>
          run(async output => (await load()).runStatus(flags, output), flags.json ?? false),
        ),
    )
    .addCommand(
      withOptions(new Command('migrate'))
        .description('Bring the tables to the newest version, all steps or none.')
        .option('--dry-run', 'print the steps with their SQL, and change nothing')
        .addHelpText(
          'after',
          '\nExample:\n  millrace db migrate --store postgres://shop_owner@localhost/shop --dry-run',
        )
        .action((flags: DatabaseFlags) =>
          run(async output => (await load()).runMigrate(flags, output), flags.json ?? false),
        ),
    );
}

function withOptions(command: Command): Command {
  return command
    .option('--store <url>', 'the store: sqlite:<file> or postgres://…', 'sqlite:./millrace.db')
    .option('--json', 'print the result as one JSON object');
}
