import { Command } from 'commander';
import { numberOption } from '../number-option.ts';
import type { Output } from '../output.ts';
import type { RouterFlags } from '../run-router.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;
type Runner = typeof import('../run-router.ts');

const countOption = numberOption({ min: 1, max: 1_000, whole: true });
const positionOption = numberOption({ min: 1, max: Number.MAX_SAFE_INTEGER, whole: true });

/** `millrace route`: the routes of a running app. */
export function routeCommand(run: Run): Command {
  const act = actor(run);
  return new Command('route')
    .description('Show routes, try them on an event, switch them off and on, replay the past through them.')
    .addCommand(
      served('ls', 'List the routes.').action((flags: RouterFlags) =>
        act(flags, (run, out) => run.listRoutes(flags, out)),
      ),
    )
    .addCommand(
      served('test <file>', 'Say what each route makes of the event in a file: {"type", "data", "metadata"}.').action(
        (file: string, flags: RouterFlags) => act(flags, (run, out) => run.testRoutes(file, flags, out)),
      ),
    )
    .addCommand(switching(act, 'enable <route>', true))
    .addCommand(switching(act, 'disable <route>', false))
    .addCommand(
      served('replay <route>', 'Bring what it takes of a past range to its destinations, under the ids of old.')
        .option('--from <position>', 'the first position (1)', positionOption)
        .option('--to <position>', 'the last position (the end)', positionOption)
        .option('--destination <name>', 'only to this one')
        .option('--dry-run', 'only count')
        .action((name: string, flags: RouterFlags) => act(flags, (run, out) => run.replayRoute(name, flags, out))),
    );
}

/** `millrace endpoint`: the destinations of the routes of a running app. */
export function endpointCommand(run: Run): Command {
  const act = actor(run);
  return new Command('endpoint')
    .description('Show how the destinations of routes are doing; switch them off and on.')
    .addCommand(
      served('ls', 'List them.').action((flags: RouterFlags) =>
        act(flags, (run, out) => run.listEndpoints(flags, out)),
      ),
    )
    .addCommand(switching(act, 'enable <route> <destination>', true))
    .addCommand(switching(act, 'disable <route> <destination>', false));
}

/** `millrace delivery`: the deliveries of a running app. */
export function deliveryCommand(run: Run): Command {
  const act = actor(run);
  return new Command('delivery')
    .description('Show deliveries; make one once more.')
    .addCommand(
      served('ls', 'List deliveries of a route.')
        .requiredOption('--route <name>', 'of which route')
        .option('--destination <name>', 'of which destination, when it has several')
        .option('--state <state>', 'pending, delivered or deadLettered', 'pending')
        .option('--limit <n>', 'how many', countOption, 50)
        .action((flags: RouterFlags) => act(flags, (run, out) => run.listDeliveries(flags, out))),
    )
    .addCommand(
      served('get <id>', 'Show one.').action((id: string, flags: RouterFlags) =>
        act(flags, (run, out) => run.showDelivery(id, flags, out)),
      ),
    )
    .addCommand(
      served('replay <id>', 'Make one once more, under its id.').action((id: string, flags: RouterFlags) =>
        act(flags, (run, out) => run.replayDelivery(id, flags, out)),
      ),
    );
}

/** `millrace dlq`: what a running app could not deliver. */
export function deadLetterCommand(run: Run): Command {
  const act = actor(run);
  const settle = (name: string, how: 'redrives' | 'discards', description: string) =>
    filtered(served(name, description))
      .option('--id <id...>', 'these ones')
      .option('--all', 'all that the other options mean')
      .option('--dry-run', 'only count')
      .action((flags: RouterFlags, command: Command) => {
        // Nothing is meant by leaving everything out.
        const { id, all, route, destination, code } = flags;
        if (!(all || id || route || destination || code)) command.error('Say which: --id, --route, --code, or --all.');
        return act(flags, (run, out) => run.settleDeadLetters(how, flags, out));
      });
  return new Command('dlq')
    .description('Show what could not be delivered; deliver it once more, or delete it.')
    .addCommand(
      filtered(served('ls', 'List dead letters.'))
        .option('--limit <n>', 'how many', countOption, 50)
        .action((flags: RouterFlags) => act(flags, (run, out) => run.listDeadLetters(flags, out))),
    )
    .addCommand(
      filtered(served('groups', 'Show how many failed in the same way.')).action((flags: RouterFlags) =>
        act(flags, (run, out) => run.groupDeadLetters(flags, out)),
      ),
    )
    .addCommand(
      served('get <id>', 'Show one with its event.').action((id: string, flags: RouterFlags) =>
        act(flags, (run, out) => run.showDeadLetter(id, flags, out)),
      ),
    )
    .addCommand(settle('redrive', 'redrives', 'Deliver dead letters once more, under their ids.'))
    .addCommand(settle('discard', 'discards', 'Delete dead letters for good.'));
}

type Act = (flags: RouterFlags, action: (runner: Runner, output: Output) => Promise<number>) => Promise<void>;

function actor(run: Run): Act {
  return (flags, action) => run(async output => action(await import('../run-router.ts'), output), flags.json);
}

function switching(act: Act, usage: string, enabled: boolean): Command {
  const description = enabled
    ? 'Switch it on again.'
    : 'Switch it off: a route takes no events, what goes to an endpoint waits.';
  return served(usage, description)
    .option('--reason <text>', 'kept with the switching', 'by hand')
    .action((...given: unknown[]) => {
      const [flags] = given.slice(-2) as [RouterFlags];
      const names = given.slice(0, -2).map(name => encodeURIComponent(String(name)));
      const path = [names.length === 1 ? 'routes' : 'endpoints', ...names].join('/');
      return act(flags, (runner, output) => runner.switchPlace(path, enabled, flags, output));
    });
}

function filtered(command: Command): Command {
  return command
    .option('--route <name>', 'of this route')
    .option('--destination <name>', 'of this destination')
    .option('--code <code>', 'that failed with this code');
}

function served(usage: string, description: string): Command {
  const [name = '', ...parameters] = usage.split(' ');
  const command = new Command(name).description(description);
  for (const parameter of parameters) command.argument(parameter);
  return command
    .option('--url <url>', 'where the app is served', 'http://127.0.0.1:8420')
    .option('--json', 'print the result as JSON');
}
