import { Command } from 'commander';
import type { Output } from '../output.ts';
import type { KeyFileOptions, KeyOptions } from '../run-keys.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace keys`: the keys under which sensitive data is sealed. */
export function keysCommand(run: Run): Command {
  const load = () => import('../run-keys.ts');
  return new Command('keys')
    .description('Make and change the keys of sensitive data, and forget those whom it concerns.')
    .addCommand(
      withFile(new Command('create'))
        .description('Make a file with a new key-encryption key, for you alone.')
        .addHelpText('after', '\nExample:\n  millrace keys create --keys file:./millrace.keys --name 2026-11')
        .action((options: KeyFileOptions) =>
          run(async output => (await load()).createKeys(options, output), options.json),
        ),
    )
    .addCommand(
      withFile(new Command('add'))
        .description('Add a new key-encryption key to the file and make it the current one; then rotate.')
        .action((options: KeyFileOptions) => run(async output => (await load()).addKey(options, output), options.json)),
    )
    .addCommand(
      withStore(new Command('rotate'))
        .description('Wrap all keys of a store under the current key-encryption key. No event is rewritten.')
        .action((options: KeyOptions) => run(async output => (await load()).rotateKeys(options, output), options.json)),
    )
    .addCommand(
      withStore(new Command('forget'))
        .description(
          'Destroy the key of a subject: nothing sensitive of it can be read again, by nobody. It cannot be undone.',
        )
        .argument('<subject>', 'the name that the mark of the events gives it')
        .option('--reason <text>', 'kept in the log; name nobody in it')
        .addHelpText(
          'after',
          '\nExample:\n  millrace keys forget c-7 --store sqlite:./shop.db --keys file:./millrace.keys',
        )
        .action((subject: string, options: KeyOptions) =>
          run(async output => (await load()).forgetSubject(subject, options, output), options.json),
        ),
    )
    .addCommand(
      withStore(new Command('status'))
        .description('How many keys a store has, what wraps them, and how many were destroyed.')
        .action((options: KeyOptions) => run(async output => (await load()).keyStatus(options, output), options.json)),
    );
}

function withFile(command: Command): Command {
  return withJson(command)
    .requiredOption('--keys <url>', 'the file: file:<path>')
    .requiredOption('--name <name>', 'name of the new key, such as the month: 2026-11');
}

function withStore(command: Command): Command {
  return withJson(command)
    .option('--store <url>', 'where facts are kept', 'sqlite:./millrace.db')
    .requiredOption('--keys <url>', 'where the key-encryption keys are: file:<path> or env:<name of a variable>');
}

function withJson(command: Command): Command {
  return command.option('--json', 'print the result as one JSON object');
}
