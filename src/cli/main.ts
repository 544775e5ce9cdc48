import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { MillraceError } from '../core/index.ts';
import { exportCommand, importCommand } from './commands/archive.ts';
import { checkpointCommand, verifyCommand } from './commands/audit.ts';
import { backupCommand } from './commands/backup.ts';
import { databaseCommand } from './commands/db.ts';
import { demoCommand } from './commands/demo.ts';
import { eventCommand } from './commands/event.ts';
import { keysCommand } from './commands/keys.ts';
import { projectionCommand } from './commands/projection.ts';
import { readModelCommand } from './commands/read-model.ts';
import { replicaCommand } from './commands/replica.ts';
import { deadLetterCommand, deliveryCommand, endpointCommand, routeCommand } from './commands/router.ts';
import { sagaCommand } from './commands/saga.ts';
import { scavengeCommand } from './commands/scavenge.ts';
import { schemaCommand } from './commands/schema.ts';
import { startCommand } from './commands/start.ts';
import { streamCommand } from './commands/stream.ts';
import { subscriptionCommand } from './commands/subscription.ts';
import { tailCommand } from './commands/tail.ts';
import { EXIT } from './exit-code.ts';
import { growHeapSlowly } from './heap-growth.ts';
import { createOutput, type Output } from './output.ts';

growHeapSlowly();
await main(process.argv.slice(2));

/**
 * Runs the command line and sets the exit code of the process; nothing else ends it. What a command does is loaded with it, so
 * that help, the version and a wrong flag are answered at once.
 */
async function main(args: readonly string[]): Promise<void> {
  const program = new Command('millrace')
    .description('Event store, read models, sagas, stream processing and routing over one log.')
    .version(version())
    .showSuggestionAfterError()
    .addCommand(startCommand(run))
    .addCommand(verifyCommand(run))
    .addCommand(checkpointCommand(run))
    .addCommand(backupCommand(run))
    .addCommand(exportCommand(run))
    .addCommand(importCommand(run))
    .addCommand(demoCommand(run))
    .addCommand(eventCommand(run))
    .addCommand(sagaCommand(run))
    .addCommand(streamCommand(run))
    .addCommand(scavengeCommand(run))
    .addCommand(tailCommand(run))
    .addCommand(schemaCommand(run))
    .addCommand(keysCommand(run))
    .addCommand(subscriptionCommand(run))
    .addCommand(projectionCommand(run))
    .addCommand(readModelCommand(run))
    .addCommand(routeCommand(run))
    .addCommand(endpointCommand(run))
    .addCommand(deliveryCommand(run))
    .addCommand(deadLetterCommand(run))
    .addCommand(replicaCommand(run))
    .addCommand(databaseCommand(run));
  for (const command of withSubcommands(program)) {
    // What was wrong is said below, in the way in which all errors are said.
    command.exitOverride().configureOutput({ outputError: () => undefined });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (thrown.exitCode !== 0 && thrown.code !== 'commander.help') {
      createOutput(args.includes('--json')).failure(usageError(thrown, calledName(program, args)));
    }
  }
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** The command that arguments call, as far as there is one: `schema check`. */
function calledName(program: Command, args: readonly string[]): string {
  const names: string[] = [];
  for (let called: Command | undefined = program; called !== undefined; ) {
    called = called.commands.find(each => each.name() === args[names.length]);
    if (called !== undefined) names.push(called.name());
  }
  return names.join(' ');
}

function usageError({ message }: CommanderError, command: string): MillraceError {
  const what = message.replace(/^error: (.)/, (_, first: string) => first.toUpperCase()).replaceAll('\n', ' ');
  const help = command === '' ? 'millrace --help' : `millrace ${command} --help`;
  return new MillraceError('INVALID_ARGUMENT', `${what.replace(/[^.)]$/, '$&.')} To see what there is: ${help}`);
}

async function run(action: (output: Output) => Promise<number>, json = false): Promise<void> {
  const output = createOutput(json);
  try {
    end(await action(output));
  } catch (thrown) {
    end(output.failure(thrown));
  }
}

/** Ends the process once what was written has left it: a pipe takes its time, and what is still at work must not hold it up. */
function end(exitCode: number): void {
  process.exitCode = exitCode;
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
