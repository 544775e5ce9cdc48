import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { ProjectionFlags } from '../run-projection.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

const load = () => import('../run-projection.ts');

/** `millrace projection`: where the projections of a running app stand, and what an operator can do about them. */
export function projectionCommand(run: Run): Command {
  const command = new Command('projection').description('Show where projections stand; deploy, hold and mend them.');
  const add = (
    name: string,
    description: string,
    action: (name: string, flags: ProjectionFlags) => Action,
  ): Command => {
    const added = withOptions(new Command(name).argument('<name>').description(description));
    added.action((projection: string, flags: ProjectionFlags) => run(action(projection, flags), flags.json));
    command.addCommand(added);
    return added;
  };
  command.addCommand(
    withOptions(new Command('ls').description('List the projections.')).action((flags: ProjectionFlags) =>
      run(async output => (await load()).listProjections(flags, output), flags.json),
    ),
  );
  command.addCommand(
    withOptions(
      new Command('deploy').argument('[names...]').description('Deploy projections, or all; a result for each.'),
    )
      .option('--request-id <id>', 'asking again under it gives the same answer')
      .option('--accept-changes', 'take a changed definition under its old version')
      .action((names: string[], flags: ProjectionFlags) =>
        run(async output => (await load()).deployProjections(names, flags, output), flags.json),
      ),
  );
  add(
    'info',
    'Show one of them, build by build.',
    (name, flags) => async output => (await load()).showProjection(name, flags, output),
  );
  add(
    'pause',
    'Hold one where it is.',
    (name, flags) => async output => (await load()).setDesired(name, 'paused', flags, output),
  );
  add(
    'resume',
    'Let one go on; one that has failed begins again.',
    (name, flags) => async output => (await load()).setDesired(name, 'running', flags, output),
  );
  add(
    'parked',
    'List the events that it gave up and keeps.',
    (name, flags) => async output => (await load()).listParked(name, flags, output),
  ).option('--limit <n>', 'how many', numberOption({ min: 1, max: 1_000, whole: true }), 50);
  add(
    'retry',
    'Let parked events be tried again: one, or all.',
    (name, flags) => async output => (await load()).retryParked(name, flags, output),
  )
    .option('--id <id>', 'the parked event (all)')
    .option('--data <json>', 'fold it with this data instead of what the log holds')
    .addHelpText('after', '\nExample:\n  millrace projection retry customers --id 0198… --data \'{"cents":5}\'');
  add(
    'skip',
    'Give a parked event up for good; those behind it go on.',
    (name, flags) => async output => (await load()).skipParked(name, flags, output),
  ).requiredOption('--id <id>', 'the parked event');
  return command;
}

type Action = (output: Output) => Promise<number>;

function withOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the app is served', 'http://127.0.0.1:8420')
    .option('--json', 'print the result as JSON');
}
