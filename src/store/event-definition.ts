import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkedName, type Json, MillraceError } from '../core/index.ts';

/** What accompanies an event. Own members may be added; they are stored as they are given. */
export interface EventMetadata {
  /** Shared by everything that one cause set off. An event that nothing caused starts its own: its id. */
  readonly correlationId: string;
  /** Id of the event, command or step that caused this one; indexed. */
  readonly causationId?: string;
  readonly userId?: string;
  /** W3C trace context of the span in which the event was appended. */
  readonly traceparent?: string;
  readonly [own: string]: Json | undefined;
}

/** An event to be appended. */
export interface NewEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
  /** Unique in the log; a new time-ordered UUID by default. Choose it to make an append repeatable. */
  readonly id?: string;
  readonly metadata?: Partial<EventMetadata>;
  /**
   * What it concerns beside its stream, such as `customer:7`, in addition to the tags that its definition gives. Found by index;
   * order and repetition mean nothing. Limit: 32 of up to 255 characters.
   */
  readonly tags?: readonly string[];
  /** When it happened in the world, in milliseconds since 1970 UTC, if not now. */
  readonly occurredAt?: number;
}

/** An event as it was recorded. */
export interface RecordedEvent<Type extends string = string, Data = unknown> {
  /** Place in the log, from 1. */
  readonly position: number;
  readonly stream: string;
  /** Place in its stream, from 0. */
  readonly revision: number;
  readonly id: string;
  readonly type: Type;
  /** Version of the schema of `data`, after upcasting. */
  readonly schemaVersion: number;
  readonly data: Data;
  readonly metadata: EventMetadata;
  /** What it concerns beside its stream: each once, by code unit. */
  readonly tags: readonly string[];
  /** When it happened in the world, in milliseconds since 1970 UTC; `recordedAt` unless it was said. */
  readonly occurredAt: number;
  /** When it was committed, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
  /**
   * SHA-256, in hexadecimal, of what it says: stream, type, version, data, own metadata and tags, as canonical JSON. Two appends
   * with one id are the same when this is.
   */
  readonly contentHash: string;
}

/** Turns the data of version n of an event into that of version n+1, for each n below the current version. */
export type Upcasters = Readonly<Record<number, (data: never) => unknown>>;

/** What an event type may say about itself beside its schema. */
export interface EventOptions {
  /** Version of the schema, from 1 (default). Raise it together with an upcaster from the version before. */
  readonly version?: number;
  readonly upcast?: Upcasters;
}

/** Says what an event concerns beside its stream, from its validated data. */
export type Tagger<Data> = (data: Data) => readonly string[];

/**
 * A type of event: a name, a schema, and a function that makes events of it. The type of its data is inferred from
 * the schema and never written twice.
 */
export interface EventDefinition<Type extends string = string, Data = unknown, Input = never> {
  /** Makes an event to be appended. Its data is validated on append. */
  (data: Input, options?: Omit<NewEvent, 'type' | 'data'>): NewEvent<Type>;
  readonly kind: 'event';
  readonly type: Type;
  readonly schema: StandardSchemaV1<unknown, Data>;
  readonly version: number;
  readonly upcast: Upcasters;
  readonly tags: Tagger<never> | undefined;
}

/** An event type of whatever data; what lists of event types hold. */
export type AnyEvent = EventDefinition<string, unknown, never>;

/** The data of an event type, as handlers receive it. */
export type DataOf<Definition> = Definition extends EventDefinition<string, infer Data, infer _Input> ? Data : never;

/** A recorded event of one of the given types; a union that `type` narrows. */
export type RecordedEventOf<Definition> =
  Definition extends EventDefinition<infer Type, infer Data, infer _Input> ? RecordedEvent<Type, Data> : never;

/**
 * Defines an event type from a schema of any Standard Schema library (Zod, Valibot, ArkType, TypeBox …).
 * With `tags`, every event of the type is found by what it concerns, and appends can be made conditional on that.
 * Throws `INVALID_DEFINITION` when a version has no upcaster that leads on from it.
 *
 * @example
 * const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ orderId: z.string(), cents: z.number().int() }) });
 */
export function defineEvent<const Type extends string, Schema extends StandardSchemaV1>(
  type: Type,
  options: EventOptions & { schema: Schema; tags?: Tagger<StandardSchemaV1.InferOutput<NoInfer<Schema>>> },
): EventDefinition<Type, StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>> {
  checkedName(type, 'The type of an event');
  const { schema, version = 1, upcast = {}, tags } = options;
  for (let from = 1; from < version; from++) {
    if (upcast[from] === undefined) {
      throw new MillraceError(
        'INVALID_DEFINITION',
        `Event ${type} has version ${version} but no upcaster from version ${from}. Add upcast: { ${from}: data => … }, or stored events of that version could not be read.`,
        { details: { type, version, missing: from } },
      );
    }
  }
  const make = (data: unknown, event: Omit<NewEvent, 'type' | 'data'> = {}) => ({ ...event, type, data });
  const definition = Object.assign(make, { kind: 'event' as const, type, schema, version, upcast, tags });
  return definition as unknown as EventDefinition<
    Type,
    StandardSchemaV1.InferOutput<Schema>,
    StandardSchemaV1.InferInput<Schema>
  >;
}
