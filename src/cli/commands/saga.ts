import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { ListFlags, NoteFlags, SagaFlags, StartFlags } from '../run-saga.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;
type Load = () => Promise<typeof import('../run-saga.ts')>;

/** `millrace saga`: what the sagas of a running app do, and what a person does with them. */
export function sagaCommand(run: Run): Command {
  const load: Load = () => import('../run-saga.ts');
  const saga = new Command('saga').description('Look at sagas, start them, and repair those that wait for a person.');
  for (const command of [...looking(run, load), ...starting(run, load), ...operating(run, load)])
    saga.addCommand(command);
  return saga;
}

function looking(run: Run, load: Load): Command[] {
  return [
    withServer(new Command('ls').argument('[type]'))
      .description('List the sagas of a type, those that need somebody first; without a type, say how many there are.')
      .option('--status <status>', 'only those of a status, such as PARKED')
      .option('--waiting-for <event>', 'only those that wait for an event of this type')
      .option('--step <name>', 'only those that are at this step')
      .option('--correlation <id>', 'only those of a correlation')
      .option('--older-than <duration>', 'only those that were started so long ago, such as 2h')
      .option('--idle-for <duration>', 'only those to which nothing has happened for so long')
      .option('--limit <n>', 'how many', numberOption({ min: 1, max: 1_000, whole: true }), 50)
      .addHelpText('after', '\nExample:\n  millrace saga ls payment --status PARKED --older-than 1h')
      .action((type: string | undefined, flags: ListFlags) =>
        run(async output => (await load()).listSagas(type, flags, output), flags.json),
      ),
    withServer(new Command('get').argument('<type>').argument('<id>'))
      .description('Show one saga with its timeline.')
      .action((type: string, id: string, flags: SagaFlags) =>
        run(async output => (await load()).showSaga(type, id, flags, output), flags.json),
      ),
    withServer(new Command('result').argument('<type>').argument('<id>'))
      .description('Say what came of each step and each undo; ends with 7 when it has not ended well.')
      .option('--within <duration>', 'wait so long for its end, at most 60s', '0ms')
      .action((type: string, id: string, flags: SagaFlags & { within: string }) =>
        run(async output => (await load()).showResult(type, id, flags, output), flags.json),
      ),
  ];
}

function starting(run: Run, load: Load): Command[] {
  return [
    withServer(new Command('start').argument('<type>').argument('<id>').argument('<input>', 'JSON'))
      .description('Start a saga; one of that id is left as it is.')
      .option('--reject', 'refuse where there is one of that id')
      .addHelpText('after', `\nExample:\n  millrace saga start payment order-42 '{"orderId":"42","cents":1250}'`)
      .action((type: string, id: string, input: string, flags: StartFlags) =>
        run(async output => (await load()).startSaga({ type, id, input }, flags, output), flags.json),
      ),
  ];
}

function operating(run: Run, load: Load): Command[] {
  const command = (name: string, description: string, path: string) =>
    withServer(new Command(name).argument('<type>').argument('<id>'))
      .description(description)
      .requiredOption('--reason <text>', 'why; kept in the history of the saga')
      .option('--by <name>', 'who; kept as well')
      .action((type: string, id: string, flags: NoteFlags) =>
        run(async output => (await load()).operateSaga({ type, id, path }, flags, output), flags.json),
      );
  const step = ['--step <name>', 'which one, where there are several'] as const;
  return [
    command('retry', 'Let a parked saga go on where it stood.', 'retries').option(
      '--input <json>',
      'with a corrected input',
    ),
    command('skip', 'Take a step that waits or is parked for done, without effect.', 'skipped-steps').option(...step),
    command('skip-undo', 'Count the undo at which a saga is parked as done.', 'skipped-undos').option(...step),
    command('complete', 'Give a step that waits or is parked its result.', 'completed-steps')
      .option(...step)
      .requiredOption('--result <json>', 'the result'),
    command('cancel', 'Turn a saga back: what was done is undone.', 'cancellations'),
    command('pause', 'Hold a saga: what is at work ends, and nothing else begins.', 'pauses'),
    command('resume', 'Let a held saga go on.', 'resumptions'),
    command('migrate', 'Let a saga go on with another version (the newest).', 'migrations')
      .option('--to <version>', 'which one', numberOption({ min: 1, max: Number.MAX_SAFE_INTEGER, whole: true }))
      .option('--dry-run', 'only find out whether that can be done'),
    command('force-end', 'End a parked saga as it stands.', 'forced-ends'),
  ];
}

function withServer(command: Command): Command {
  return command
    .option('--server <url>', 'where the app is served', 'http://127.0.0.1:8420')
    .option('--json', 'print the result as JSON');
}
