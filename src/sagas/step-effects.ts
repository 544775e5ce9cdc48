import { MillraceError, SYSTEM_PREFIX } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { StreamAppend } from '../storage/index.ts';
import type { Command, EventContext, StreamEvents } from '../store/index.ts';

/** What a `txStep` does to the store: committed with its result, all or nothing. */
export interface StepEffects {
  /** Commands for entities, decided on their current state; one that is refused makes the step fail for certain. */
  readonly commands?: readonly Command[];
  /** Events for streams. */
  readonly events?: readonly StreamEvents[];
}

/** Whether there is nothing to be committed. */
export function isNothing({ commands = [], events = [] }: StepEffects): boolean {
  return commands.length === 0 && events.length === 0;
}

/** The appends that effects mean, on the state of the entities as it is now. Throws what a decider or a schema refuses. */
export async function appendsOf(
  environment: Environment,
  { commands = [], events = [] }: StepEffects,
  context: EventContext,
): Promise<readonly StreamAppend[]> {
  const appends: StreamAppend[] = [];
  for (const command of commands) {
    const { append, stream, revision } = await environment.events.decide(command, context);
    // A decision that nothing has to happen rests on the state of the entity as well.
    appends.push(append ?? { stream, expected: revision === -1 ? 'noStream' : revision, events: [] });
  }
  for (const { stream, expected = 'any', events: some } of events) {
    if (stream.startsWith(SYSTEM_PREFIX)) {
      throw new MillraceError('INVALID_ARGUMENT', `Stream ${stream} is Millrace's own; a step cannot append to it.`, {
        details: { stream },
      });
    }
    appends.push({ stream, expected, events: await environment.codec.encode(stream, some, context) });
  }
  return appends;
}
