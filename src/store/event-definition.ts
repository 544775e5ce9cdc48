import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkedName, type Json, MillraceError } from '../core/index.ts';
import { type AnyMarks, codecOfMarks, type DataCodec, type Encoded, type Marks } from './data-codec.ts';
import {
  type AnySensitiveMark,
  checkSensitive,
  type MemberOf,
  type SealedData,
  type SensitiveMark,
} from './sensitive.ts';
import { checkUpcasters, type UpcasterChain, type Upcasters } from './upcasting.ts';

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

/** What an event type may say about itself beside its schema. */
export interface EventOptions<Data, Version extends number = number, Chain = Upcasters, Coded = unknown> {
  /** Version of the schema, from 1 (default). Raise it together with an upcaster from the version before. */
  readonly version?: Version;
  /**
   * How older versions are read: `{ 1: v1 => v2, 2: v2 => v3 }`, one function for each version below the current one. They take and
   * make what is stored, before it is decoded.
   */
  readonly upcast?: Chain;
  /** Where the data holds what JSON cannot: `{ amount: 'bigint', at: 'date', photo: 'bytes', lines: [{ price: 'bigint' }] }`. */
  readonly json?: Marks<Data>;
  /** Instead of marks, functions of your own that write the data as JSON and read it back. */
  readonly codec?: DataCodec<Data, Coded>;
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
  /** Stands between the data and JSON; undefined when JSON holds the data as it is. */
  readonly codec: DataCodec | undefined;
  /** The marks that the codec was made from, if it was. */
  readonly json: AnyMarks | undefined;
  /** What of the data is sealed, and under whose key; undefined when nothing is. */
  readonly sensitive: AnySensitiveMark | undefined;
  readonly tags: Tagger<never> | undefined;
}

/** An event type of whatever data; what lists of event types hold. */
export type AnyEvent = EventDefinition<string, unknown, never>;

/** The data of an event type, as handlers receive it. */
export type DataOf<Definition> = Definition extends EventDefinition<string, infer Data, infer _Input> ? Data : never;

/** A recorded event of one of the given types; a union that `type` narrows. */
export type RecordedEventOf<Definition> =
  Definition extends EventDefinition<infer Type, infer Data, infer _Input> ? RecordedEvent<Type, Data> : never;

/** Options in which a version above the first comes with the whole chain of upcasters that leads to it. */
type ReadsAllVersions<Version extends number, Chain, Stored> = number extends Version
  ? unknown
  : Version extends 1
    ? { readonly upcast?: Readonly<Record<string, never>> }
    : { readonly upcast: UpcasterChain<Version, Chain, Stored> };

/** Options that say how data is written that JSON cannot hold. */
type WritesAll<Data> = [Marks<Data>] extends [never]
  ? { readonly json?: never }
  : { readonly json: Marks<Data>; readonly codec?: never } | { readonly codec: object; readonly json?: never };

/** What is stored of the data: what the codec makes of it, or the marks. */
type Stored<Data, Coded> = unknown extends Coded ? Encoded<Data> : Coded;

/**
 * Defines an event type from a schema of any Standard Schema library (Zod, Valibot, ArkType, TypeBox …).
 * A version without the upcasters that lead to it does not compile, nor does data that JSON cannot hold without `json` marks or a
 * `codec`; where TypeScript cannot know, because the version is computed, it throws `INVALID_DEFINITION`.
 * With `tags`, every event of the type is found by what it concerns, and appends can be made conditional on that.
 *
 * @example
 * const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ orderId: z.string(), cents: z.number().int() }) });
 */
export function defineEvent<
  const Type extends string,
  Schema extends StandardSchemaV1,
  const Version extends number = 1,
  Chain extends Upcasters = Upcasters,
  Coded = unknown,
  const Field extends MemberOf<StandardSchemaV1.InferOutput<Schema>> = never,
  const Payload extends boolean = false,
>(
  type: Type,
  options: {
    readonly schema: Schema;
    /**
     * What of the data is sealed, wherever it goes, under the key of a subject that can be forgotten: `{ subject: data => data.customerId,
     * fields: ['email'] }`, or `{ payload: true }` under the key of the stream.
     */
    readonly sensitive?: SensitiveMark<StandardSchemaV1.InferOutput<NoInfer<Schema>>, Field, Payload>;
    readonly tags?: Tagger<StandardSchemaV1.InferOutput<NoInfer<Schema>>>;
  } & EventOptions<StandardSchemaV1.InferOutput<Schema>, Version, Chain, Coded> &
    NoInfer<ReadsAllVersions<Version, Chain, Stored<StandardSchemaV1.InferOutput<Schema>, Coded>>> &
    NoInfer<WritesAll<StandardSchemaV1.InferOutput<Schema>>>,
): EventDefinition<
  Type,
  SealedData<StandardSchemaV1.InferOutput<Schema>, Field, Payload>,
  StandardSchemaV1.InferInput<Schema>
> {
  checkedName(type, 'The type of an event');
  const { schema, version = 1, upcast = {} } = options as { schema: Schema } & EventOptions<unknown>;
  const { json, codec, tags } = options as { json?: AnyMarks; codec?: DataCodec; tags?: Tagger<never> };
  const { sensitive } = options as { sensitive?: AnySensitiveMark };
  checkUpcasters(type, version, upcast);
  if (json !== undefined && codec !== undefined) throw twoCodecs(type);
  checkSensitive(type, sensitive, codec !== undefined);
  const make = (data: unknown, event: Omit<NewEvent, 'type' | 'data'> = {}) => ({ ...event, type, data });
  const definition = Object.assign(make, {
    kind: 'event' as const,
    type,
    schema,
    version,
    upcast,
    json,
    sensitive,
    codec: json === undefined ? codec : codecOfMarks(type, json),
    tags,
  });
  return definition as unknown as EventDefinition<
    Type,
    SealedData<StandardSchemaV1.InferOutput<Schema>, Field, Payload>,
    StandardSchemaV1.InferInput<Schema>
  >;
}

function twoCodecs(type: string): MillraceError {
  return new MillraceError(
    'INVALID_DEFINITION',
    `Event ${type} has json marks and a codec. Keep one of them: marks are a codec.`,
    { details: { type } },
  );
}
