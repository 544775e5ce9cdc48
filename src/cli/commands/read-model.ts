import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { ReadModelFlags } from '../run-read-model.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace readmodel`: the documents of a running app's read models. */
export function readModelCommand(run: Run): Command {
  const load = () => import('../run-read-model.ts');
  return new Command('readmodel')
    .description('Read the documents of read models.')
    .addCommand(
      withOptions(new Command('ls').description('List the read models.')).action((flags: ReadModelFlags) =>
        run(async output => (await load()).listReadModels(flags, output), flags.json),
      ),
    )
    .addCommand(
      withFreshness(withOptions(new Command('get').argument('<name>').argument('<key>')))
        .description('Show one document.')
        .action((name: string, key: string, flags: ReadModelFlags) =>
          run(async output => (await load()).getDocument(name, key, flags, output), flags.json),
        ),
    )
    .addCommand(
      withFreshness(withOptions(new Command('query').argument('<name>')))
        .description('Show documents by declared indexes.')
        .option('--where <json>', 'fields that must equal a value')
        .option('--order-by <field>', 'a declared index (the key)')
        .option('--descending', 'the greatest first')
        .option('--limit <n>', 'how many', numberOption({ min: 1, max: 1_000, whole: true }), 50)
        .addHelpText(
          'after',
          '\nExample:\n  millrace readmodel query customers --order-by spentCents --descending --limit 3',
        )
        .action((name: string, flags: ReadModelFlags) =>
          run(async output => (await load()).queryReadModel(name, flags, output), flags.json),
        ),
    );
}

function withFreshness(command: Command): Command {
  return command
    .option(
      '--fresh-to <position>',
      'wait until it holds everything up to there',
      numberOption({ min: 0, whole: true, max: Number.MAX_SAFE_INTEGER }),
    )
    .option('--timeout <seconds>', 'how long to wait', numberOption({ min: 0, max: 60 }), 5);
}

function withOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the app is served', 'http://127.0.0.1:8420')
    .option('--json', 'print the result as JSON');
}
