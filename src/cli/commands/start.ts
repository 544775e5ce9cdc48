import { Command, Option } from 'commander';
import { portOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { ServeOptions } from '../serve-store.ts';

const PORT_DEFAULT = 8420;

/** `millrace start`: serves a store, with or without an app, until it is told to end. */
export function startCommand(
  run: (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>,
): Command {
  return new Command('start')
    .description('Serve a store over HTTP, with its dashboard, until Ctrl-C.')
    .option('--store <url>', 'where facts are kept: sqlite:<file>, postgres://… or memory:', 'sqlite:./millrace.db')
    .option('--port <n>', 'port on this machine', portOption, PORT_DEFAULT)
    .option('--app <module>', 'module whose default export is an app; without one, any event type is accepted')
    .option(
      '--secondary <name=url...>',
      'a store that follows this one and can be promoted, such as standby=sqlite:./standby.db; may be repeated',
    )
    .option('--require-leases', 'refuse to write while the lease of a secondary is not held: it may have been promoted')
    .option('--keys <url>', 'where the keys of sensitive data are: file:<path> or env:<name of a variable>')
    .addOption(
      new Option('--log-level <level>', 'how much is logged')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText('after', '\nExample:\n  millrace start --store sqlite:./shop.db --port 8420 --app ./shop.js')
    .action((options: ServeOptions) =>
      run(async output => (await import('../serve-store.ts')).serveStore(options, output)),
    );
}
