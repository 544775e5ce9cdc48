import { Command } from 'commander';
import type { Output } from '../output.ts';
import type { SchemaOptions } from '../run-schema.ts';

const FILE_DEFAULT = './millrace.schemas.json';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace schema`: the schemas of an app as a file in its repository, and what changed since. */
export function schemaCommand(run: Run): Command {
  const load = () => import('../run-schema.ts');
  return new Command('schema')
    .description('Keep the schemas of event types in a file, and find changes that would break stored events.')
    .addCommand(
      withOptions(new Command('export'))
        .description('Write the JSON Schemas of all event types to the file.')
        .option('--force', 'also when a type changed under the same version, in a way that breaks stored events')
        .addHelpText('after', '\nExample:\n  millrace schema export --app ./shop.js')
        .action((options: SchemaOptions) =>
          run(async output => (await load()).exportFile(options, output), options.json ?? false),
        ),
    )
    .addCommand(
      withOptions(new Command('check'))
        .description('Compare the file with the app; ends with 7 when they differ.')
        .option('--breaking', 'end with 7 only when a type changed in a way that breaks stored events')
        .addHelpText(
          'after',
          '\nExample, for a pull request:\n  git show main:millrace.schemas.json > before.json\n  millrace schema check --app ./shop.js --file before.json --breaking',
        )
        .action((options: SchemaOptions) =>
          run(async output => (await load()).checkFile(options, output), options.json ?? false),
        ),
    );
}

function withOptions(command: Command): Command {
  return command
    .requiredOption('--app <module>', 'module whose default export is an app')
    .option('--file <path>', 'the file of schemas', FILE_DEFAULT)
    .option('--json', 'print the result as one JSON object');
}
