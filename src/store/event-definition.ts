import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkedName, type Json } from '../core/index.ts';
import { checkUpcasters, type UpcasterChain, type Upcasters } from './upcasting.ts';

/** What accompanies an event. Own members may be added; they are stored as they are given. */
export interface EventMetadata {
  /** Shared by everything that one cause set off. An event that nothing caused starts its own: its id. */
  readonly correlationId: string;
  /** Id of the event, command or step that caused this one. */
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
  /** When it happened in the world, in milliseconds since 1970 UTC; `recordedAt` unless it was said. */
  readonly occurredAt: number;
  /** When it was committed, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
}

/** What an event type may say about itself beside its schema. */
export interface EventOptions<Version extends number = number, Chain = Upcasters> {
  /** Version of the schema, from 1 (default). Raise it together with an upcaster from the version before. */
  readonly version?: Version;
  /** How older versions are read: `{ 1: v1 => v2, 2: v2 => v3 }`, one function for each version below the current one. */
  readonly upcast?: Chain;
}

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
}

/** An event type of whatever data; what lists of event types hold. */
export type AnyEvent = EventDefinition<string, unknown, never>;

/** The data of an event type, as handlers receive it. */
export type DataOf<Definition> = Definition extends EventDefinition<string, infer Data, infer _Input> ? Data : never;

/** A recorded event of one of the given types; a union that `type` narrows. */
export type RecordedEventOf<Definition> =
  Definition extends EventDefinition<infer Type, infer Data, infer _Input> ? RecordedEvent<Type, Data> : never;

/** Options in which a version above the first comes with the whole chain of upcasters that leads to it. */
type ReadsAllVersions<Version extends number, Chain, Data> = number extends Version
  ? unknown
  : Version extends 1
    ? { readonly upcast?: Readonly<Record<string, never>> }
    : { readonly upcast: UpcasterChain<Version, Chain, Data> };

/**
 * Defines an event type from a schema of any Standard Schema library (Zod, Valibot, ArkType, TypeBox …).
 * A version without the upcasters that lead to it does not compile; where TypeScript cannot know, because the version is
 * computed, it throws `INVALID_DEFINITION`.
 *
 * @example
 * const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ orderId: z.string(), cents: z.number().int() }) });
 */
export function defineEvent<
  const Type extends string,
  Schema extends StandardSchemaV1,
  const Version extends number = 1,
  Chain extends Upcasters = Upcasters,
>(
  type: Type,
  options: { readonly schema: Schema } & EventOptions<Version, Chain> &
    NoInfer<ReadsAllVersions<Version, Chain, StandardSchemaV1.InferOutput<Schema>>>,
): EventDefinition<Type, StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>> {
  checkedName(type, 'The type of an event');
  const { schema, version = 1, upcast = {} } = options as { schema: Schema } & EventOptions;
  checkUpcasters(type, version, upcast);
  const make = (data: unknown, event: Omit<NewEvent, 'type' | 'data'> = {}) => ({ ...event, type, data });
  const definition = Object.assign(make, { kind: 'event' as const, type, schema, version, upcast });
  return definition as unknown as EventDefinition<
    Type,
    StandardSchemaV1.InferOutput<Schema>,
    StandardSchemaV1.InferInput<Schema>
  >;
}
