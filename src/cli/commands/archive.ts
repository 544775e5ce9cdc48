import { Command, Option } from 'commander';
import type { Output } from '../output.ts';
import type { ExportFlags, ImportFlags } from '../run-transfer.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace export`: the events of a log as a file of lines. */
export function exportCommand(run: Run): Command {
  return new Command('export')
    .argument('<file>', 'the file to write')
    .description('Write all events of a log to a file, one for each line, with a manifest of its hash.')
    .option('--store <url>', 'the store; a file may be in use', 'sqlite:./millrace.db')
    .addOption(
      new Option('--format <format>', 'how events are written').choices(['ndjson', 'cloudevents']).default('ndjson'),
    )
    .option('--resume', 'go on with an export that was interrupted')
    .option('--json', 'print the manifest as one JSON object')
    .addHelpText('after', '\nExample:\n  millrace export ./shop.ndjson --store sqlite:./shop.db')
    .action((file: string, flags: ExportFlags) =>
      run(async output => (await import('../run-transfer.ts')).runExport(file, flags, output), flags.json ?? false),
    );
}

/** `millrace import`: a file of lines as events of a log. */
export function importCommand(run: Run): Command {
  return new Command('import')
    .argument('<file>', 'what "millrace export" has written, or CloudEvents, one for each line')
    .description('Append the events of a file. Run it again to go on with an import that was interrupted.')
    .option('--store <url>', 'the store', 'sqlite:./millrace.db')
    .option('--map <file>', 'write down where each event stood and where it stands now, instead of keeping positions')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', '\nExample:\n  millrace import ./shop.ndjson --store sqlite:./copy.db')
    .action((file: string, flags: ImportFlags) =>
      run(async output => (await import('../run-transfer.ts')).runImport(file, flags, output), flags.json ?? false),
    );
}
