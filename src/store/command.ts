import { categoryOf, MillraceError } from '../core/index.ts';
import type { AnyDecider, CommandsOf } from './decider.ts';

/** A command for an entity, as a value: to be carried out with others, or at the end of a saga. */
export interface Command {
  readonly decider: AnyDecider;
  /** The stream of the entity. */
  readonly stream: string;
  readonly name: string;
  readonly data: unknown;
}

/** Makes a command, its data checked against the decider's types. */
export function send<D extends AnyDecider, Name extends keyof CommandsOf<D> & string>(
  decider: D,
  stream: string,
  name: Name,
  data: CommandsOf<D>[Name],
): Command {
  return { decider, stream, name, data };
}

/** Throws `INVALID_ARGUMENT` when a decider does not decide for a stream, or does not know a command. */
export function checkCommand({ decider, stream, name }: Command): void {
  if (categoryOf(stream) !== decider.name || stream === decider.name) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `Decider ${decider.name} decides for streams such as ${decider.name}-42, not for ${stream}.`,
      { details: { decider: decider.name, stream } },
    );
  }
  if (!Object.hasOwn(decider.decide, name)) {
    const known = Object.keys(decider.decide);
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `Decider ${decider.name} has no command ${name}. It has: ${known.join(', ')}.`,
      { details: { decider: decider.name, command: name, known } },
    );
  }
}
