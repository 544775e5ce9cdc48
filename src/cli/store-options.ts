import { type Command, Option } from 'commander';

/** Gives a command the options that say where its events are. */
export function withStoreOptions(command: Command): Command {
  return command
    .addOption(new Option('--store <url>', 'the store: sqlite:<file> or postgres://…').default('sqlite:./millrace.db'))
    .addOption(new Option('--url <address>', 'a server, such as http://127.0.0.1:8420, instead').conflicts('store'))
    .option('--json', 'print the result as JSON');
}
