import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkedName, type Json, MillraceError } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { DocumentWrite, StreamAppend, WorkItem, WorkWrite } from '../storage/index.ts';
import { waitTags } from './saga-committer.ts';
import type { Saga } from './saga-definition.ts';
import { type SagaEvent, sagaStream } from './saga-events.ts';
import { indexWrite } from './saga-index.ts';
import { jsonValue } from './saga-instance.ts';
import { type RecordedSagaEvent, type SagaState, startedState } from './saga-state.ts';
import { firstOf } from './saga-transitions.ts';

/** A saga about to be started: what has to be committed for it, and the state that it will be in. */
export interface SagaStart {
  readonly append: StreamAppend;
  readonly document: DocumentWrite;
  readonly work: WorkWrite;
  /** Its first event, as if it were recorded now. */
  readonly recorded: RecordedSagaEvent;
  readonly state: SagaState;
}

/** The queue in which the sagas of a type are worked on. */
export function sagaQueue(type: string): string {
  return `saga:${type}`;
}

/** The id of the saga that an item of work is for: its key, unless it has been put in the place of an earlier one. */
export function sagaIdOf({ key, payload }: WorkItem): string {
  return (JSON.parse(payload) as { id?: string }).id ?? key;
}

/**
 * Puts a new item of work in the place of a saga's, due now: whoever holds the old one loses it. Answers its key, which the fact that
 * is committed with these writes has to name.
 */
export function newWork({ type, id, work, revision }: SagaState, now: number): { key: string; writes: WorkWrite[] } {
  const queue = sagaQueue(type);
  // Ids hold no control characters, so that no other saga can be meant.
  const key = `${id}\n${revision + 1}`;
  return {
    key,
    writes: [
      { op: 'cancel', queue, key: work },
      { op: 'enqueue', queue, key, payload: JSON.stringify({ id }), dueAt: now },
    ],
  };
}

/** Prepares the start of a saga. Throws `SCHEMA_VIOLATION` when the input does not fit the saga's schema. */
export async function prepareStart(
  environment: Environment,
  saga: Saga,
  { id, input }: { id: string; input: unknown },
  cause: { correlationId: string; causationId: string },
): Promise<SagaStart> {
  checkedName(id, `The id of a saga ${saga.type}`);
  const { clock, codec, keys } = environment;
  const now = clock.now();
  const deadline = saga.timeoutMs === undefined ? null : now + saga.timeoutMs;
  const { type, version } = saga;
  const checked = await checkedInput(saga, id, input);
  const event: SagaEvent = {
    type: 'SagaStarted',
    data: { type, version, id, input: checked, deadline, ...firstOf(saga, await keys.revive(checked), now) },
  };
  const stream = sagaStream(type, id);
  const tags = waitTags(type, event);
  const encoded = codec.encodeOwn(stream, tags.length === 0 ? event : { ...event, tags }, cause);
  const recorded = { event, id: encoded.id, revision: 0, correlationId: cause.correlationId, recordedAt: now };
  const state = startedState(recorded) as SagaState;
  return {
    append: { stream, expected: 'noStream', events: [encoded] },
    document: indexWrite(state),
    work: {
      op: 'enqueue',
      queue: sagaQueue(type),
      key: id,
      payload: JSON.stringify({ start: encoded.id }),
      dueAt: now,
    },
    recorded,
    state,
  };
}

/** An input as its history keeps it. Throws `SCHEMA_VIOLATION` when it does not fit the saga's schema. */
export async function checkedInput(saga: Saga, id: string, input: unknown): Promise<Json> {
  const validated = saga.input['~standard'].validate(input);
  const result: StandardSchemaV1.Result<unknown> = validated instanceof Promise ? await validated : validated;
  if (result.issues === undefined) return jsonValue(result.value);
  const errors = result.issues.map(({ message, path }) => ({ message, path: path?.map(String) ?? [] }));
  throw new MillraceError(
    'SCHEMA_VIOLATION',
    `The input of saga ${saga.type} ${id} does not fit its schema: ${errors.map(error => error.message).join('; ')}. It was not started.`,
    { details: { saga: saga.type, id, errors } },
  );
}
