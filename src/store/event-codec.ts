import type { StandardSchemaV1 } from '@standard-schema/spec';
import {
  canonicalJson,
  checkedName,
  type IdSource,
  type JsonLoss,
  jsonLossOf,
  MillraceError,
  messageOf,
  sha256,
} from '../core/index.ts';
import type { EncodedEvent, StoredEvent } from '../storage/index.ts';
import { type DataCodec, MarkMismatch } from './data-codec.ts';
import type { AnyEvent, EventMetadata, NewEvent, RecordedEvent } from './event-definition.ts';
import {
  allSealed,
  checkNotSealed,
  decoderOf,
  holdsSealed,
  keysIn,
  type SealingKey,
  sealData,
  withSealedValues,
} from './event-seal.ts';
import { tagsOf } from './event-tags.ts';
import { type KeyRing, noKeys } from './key-ring.ts';
import { type Decoders, isSealed, type LoadedKeys } from './sealed.ts';
import { subjectOf, withoutSensitive } from './sensitive.ts';
import { currentTraceparent } from './trace-context.ts';
import { type UpcastSource, upcast } from './upcasting.ts';

/** What a command or handler gives to all events that it appends; an event's own value wins. */
export interface EventContext {
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly userId?: string;
}

/** Members of the metadata that say in which context an event was appended, not what it is: they do not count for its identity. */
const CONTEXT_MEMBERS = new Set(['correlationId', 'causationId', 'traceparent', 'tracestate']);

/** Data that was checked and brought into the form that JSON holds; of a sensitive type, with whose key it is to be sealed. */
interface Checked {
  readonly data: unknown;
  readonly version: number;
  readonly tags: readonly string[];
  readonly sealing?: { readonly definition: AnyEvent; readonly subject: string };
}

/** What the events of one append share: their context, and the span that ran when the append began. */
interface Shared {
  readonly context: EventContext;
  readonly traceparent: string | undefined;
}

/** What an event takes from its context; whatever else the context's object holds is not the event's. */
const FROM_CONTEXT = ['correlationId', 'causationId', 'userId'] as const;

/** Between events as programs know them and events as the storage keeps them: validation, encoding, upcasting. */
export class EventCodec {
  readonly #definitions = new Map<string, AnyEvent>();
  readonly #strict: boolean;
  readonly #ids: IdSource;
  readonly #keys: KeyRing | undefined;

  /**
   * With `strict`, a type without a definition is refused; without, its data passes unchecked. Without `keys`, sensitive data is refused,
   * and none opens.
   */
  constructor(options: {
    definitions: readonly AnyEvent[];
    strict: boolean;
    ids: IdSource;
    keys?: KeyRing | undefined;
  }) {
    for (const definition of options.definitions) this.#definitions.set(definition.type, definition);
    this.#strict = options.strict;
    this.#ids = options.ids;
    this.#keys = options.keys;
    this.#keys?.decodeBy(this.#decoders);
  }

  /**
   * Checks and encodes events for a stream. Throws `SCHEMA_VIOLATION` with a pointer to each wrong field,
   * `UNKNOWN_EVENT_TYPE`, or `INVALID_ARGUMENT` for a name, time or metadata that cannot be stored and for data that JSON
   * would change: what is not said to be a bigint, a date or bytes is not taken for one.
   */
  async encode(stream: string, events: readonly NewEvent[], context: EventContext = {}): Promise<EncodedEvent[]> {
    const shared = { context, traceparent: currentTraceparent() };
    const all: Checked[] = [];
    const subjects: string[] = [];
    for (const event of events) {
      const definition = this.#definitionOf(event.type);
      const valid = definition?.schema['~standard'].validate(event.data);
      const checked = checkedEvent(
        stream,
        event,
        all.length,
        definition,
        valid instanceof Promise ? await valid : valid,
      );
      if (checked.sealing !== undefined) subjects.push(checked.sealing.subject);
      all.push(checked);
    }
    const keys = subjects.length === 0 ? undefined : await this.#sealingKeys(subjects);
    return all.map((checked, index) => this.#encodeChecked(stream, events[index] as NewEvent, checked, shared, keys));
  }

  /** Encodes an event of Millrace's own, whose data needs no check. */
  encodeOwn(stream: string, event: NewEvent, context: EventContext = {}): EncodedEvent {
    const checked = { data: event.data, version: 1, tags: event.tags ?? [] };
    return this.#encodeChecked(stream, event, checked, { context, traceparent: currentTraceparent() });
  }

  /**
   * Decodes events as they are stored, with the keys that their sealed values need; see `decode`.
   */
  async decodeAll(stored: readonly StoredEvent[]): Promise<RecordedEvent[]> {
    const loading = this.keysOf(stored);
    const keys = loading === undefined ? noKeys : await loading;
    return stored.map(event => this.decode(event, keys));
  }

  /** Loads the keys of events that are to be decoded; undefined when nothing in them is sealed. */
  keysOf(stored: readonly StoredEvent[]): Promise<LoadedKeys> | undefined {
    const ids: string[] = [];
    for (const { data } of stored) if (holdsSealed(data)) ids.push(...keysIn(data));
    return ids.length === 0 ? undefined : this.#keys?.load(ids);
  }

  /**
   * Decodes an event as it is stored; what is sealed in it opens with the keys that are given. Throws `UNKNOWN_EVENT_VERSION` when it is newer than its definition, `LOAD_FAILED` when
   * an upcaster or the codec of its type fails.
   */
  decode(stored: StoredEvent, keys: LoadedKeys = noKeys): RecordedEvent {
    const definition = this.#definitions.get(stored.type);
    const older = definition !== undefined && stored.schemaVersion !== definition.version;
    return {
      position: stored.position,
      stream: stored.stream,
      revision: stored.revision,
      id: stored.id,
      type: stored.type,
      schemaVersion: older ? definition.version : stored.schemaVersion,
      data: this.#dataOf(stored, definition, keys),
      metadata: metadataOf(stored),
      tags: stored.tags,
      occurredAt: stored.occurredAt ?? stored.recordedAt,
      recordedAt: stored.recordedAt,
      contentHash: stored.digest,
    };
  }

  /** A value that came from JSON, with the sealed values in it as they were. */
  async revive<T>(value: T): Promise<T> {
    return this.#keys === undefined ? value : this.#keys.revive(value);
  }

  /** A recorded event with its data as JSON holds it: for what leaves the program as JSON, and for patterns that are JSON. */
  toJson(event: RecordedEvent): RecordedEvent {
    const codec = this.#definitions.get(event.type)?.codec;
    return codec === undefined || isSealed(event.data) ? event : { ...event, data: codec.encode(event.data) };
  }

  /** Events to be appended, from those whose data came as JSON. Throws `SCHEMA_VIOLATION` when a type cannot be read from that. */
  fromJson(events: readonly NewEvent[]): NewEvent[] {
    return events.map((event, index) => {
      const codec = this.#definitions.get(event.type)?.codec;
      if (codec === undefined) return event;
      try {
        return { ...event, data: codec.decode(event.data) };
      } catch (thrown) {
        const pointer = thrown instanceof MarkMismatch ? thrown.pointer : '';
        throw schemaViolation(event.type, index, [{ pointer, message: messageOf(thrown) }]);
      }
    });
  }

  readonly #decoders: Decoders = place => {
    const { id, type, version: schemaVersion } = place;
    return decoderOf(this.#definitions.get(type), place, (definition, json) =>
      currentData({ id, type, schemaVersion, position: 0 }, definition, json),
    );
  };

  /** The data of a stored event, as programs know it. */
  #dataOf(stored: StoredEvent, definition: AnyEvent | undefined, keys: LoadedKeys): unknown {
    const json: unknown = JSON.parse(stored.data);
    const data = holdsSealed(stored.data) ? withSealedValues(stored, json, keys, this.#decoders) : json;
    if (definition === undefined || isSealed(data)) return data;
    return allSealed(definition, currentData(stored, definition, data));
  }

  async #sealingKeys(subjects: readonly string[]): Promise<ReadonlyMap<string, SealingKey>> {
    if (this.#keys !== undefined) return this.#keys.obtain(subjects);
    throw new MillraceError('KEY_MISSING', 'No keys were given to seal sensitive data with. Nothing was appended.');
  }

  #definitionOf(type: unknown): AnyEvent | undefined {
    const definition = this.#definitions.get(type as string);
    if (definition !== undefined) return definition;
    checkedName(type, 'The type of an event');
    if (!this.#strict) return undefined;
    const known = [...this.#definitions.keys()];
    throw new MillraceError(
      'UNKNOWN_EVENT_TYPE',
      `No event type ${type} is defined. Nothing was appended. Defined are: ${known.join(', ') || 'none'}.`,
      { details: { type, known } },
    );
  }

  #encodeChecked(
    stream: string,
    event: NewEvent,
    { data, version, tags, sealing }: Checked,
    shared: Shared,
    keys?: ReadonlyMap<string, SealingKey>,
  ): EncodedEvent {
    const key = sealing && (keys?.get(sealing.subject) as SealingKey);
    const id = event.id === undefined ? this.#ids.next() : checkedName(event.id, 'The id of an event');
    const { metadata, own } = mergedMetadata(event.metadata, shared);
    const loss = jsonLossOf(data);
    if (loss !== undefined) throw notJson(event.type, loss);
    checkNotSealed(event.type, data);
    const content: unknown[] = [stream, event.type, version, data, own];
    if (tags.length > 0) content.push(tags);
    const canonical = canonicalJson(content);
    return {
      id,
      fresh: event.id === undefined,
      type: event.type,
      schemaVersion: version,
      data: JSON.stringify(
        sealing === undefined ? data : sealData(sealing.definition, data, { stream, id }, key as SealingKey),
      ),
      metadata: metadata === undefined ? null : JSON.stringify(metadata),
      correlationId: metadata?.correlationId ?? null,
      causationId: metadata?.causationId ?? null,
      tags,
      occurredAt: checkedTime(event),
      digest: key === undefined ? sha256(canonical) : key.key.digest(canonical),
    };
  }
}

/** The latest time that a date can hold, and as far before 1970 the earliest, in milliseconds (ECMA-262, 21.4.1.1). */
const TIME_MAX = 8.64e15;

/** An event with what its schema made of its data, brought into the form that JSON holds. */
function checkedEvent(
  stream: string,
  event: NewEvent,
  index: number,
  definition: AnyEvent | undefined,
  valid: StandardSchemaV1.Result<unknown> | undefined,
): Checked {
  if (definition === undefined || valid === undefined) {
    return { data: event.data, version: 1, tags: tagsOf(event, undefined, event.data) };
  }
  const { version, sensitive } = definition;
  const data = validData(event, index, valid);
  const subject = sensitive === undefined ? undefined : subjectOf(event.type, sensitive, stream, data);
  const tags = tagsOf(event, definition, withoutSensitive(definition, data));
  const json = definition.codec === undefined ? data : encodedData(definition, data);
  return subject === undefined
    ? { data: json, version, tags }
    : { data: json, version, tags, sealing: { definition, subject } };
}

function checkedTime({ type, occurredAt }: NewEvent): number | null {
  const time = occurredAt ?? null;
  if (time === null || (Number.isInteger(time) && Math.abs(time) <= TIME_MAX)) return time;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `The time of event ${type} is ${typeof time === 'number' ? time : JSON.stringify(time)}. It must be a whole number of milliseconds since 1970 UTC.`,
    { details: { type, occurredAt: time } },
  );
}

/** `index` is the event's place in the append, from 0. */
function validData(event: NewEvent, index: number, result: StandardSchemaV1.Result<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const errors = result.issues.map(issue => ({ pointer: pointerOf(issue.path), message: issue.message }));
  throw schemaViolation(event.type, index, errors);
}

function schemaViolation(
  type: string,
  index: number,
  errors: readonly { pointer: string; message: string }[],
): MillraceError {
  const list = errors.map(error => `${error.pointer || '/'}: ${error.message}`).join('; ');
  return new MillraceError(
    'SCHEMA_VIOLATION',
    `The data of event ${type} does not fit its schema: ${list}. Nothing was appended.`,
    { details: { type, index, errors } },
  );
}

function encodedData({ type, codec }: AnyEvent, data: unknown): unknown {
  try {
    return codec?.encode(data);
  } catch (thrown) {
    if (!(thrown instanceof MarkMismatch)) throw thrown;
    const { pointer, message } = thrown;
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `The data of event ${type} ${message}, at ${pointer || '/'}. Nothing was appended.`,
      { details: { type, pointer } },
    );
  }
}

/** Data as it is stored, brought to the current version of its type and decoded. */
function currentData(stored: UpcastSource, definition: AnyEvent, json: unknown): unknown {
  const newest = stored.schemaVersion === definition.version ? json : upcast(stored, definition, json);
  return definition.codec === undefined ? newest : decodedData(stored, definition.codec, newest);
}

function decodedData({ type, position }: UpcastSource, codec: DataCodec, data: unknown): unknown {
  try {
    return codec.decode(data);
  } catch (cause) {
    const where = cause instanceof MarkMismatch ? ` at ${cause.pointer || '/'}` : '';
    throw new MillraceError(
      'LOAD_FAILED',
      `The data of ${type} at position ${position} cannot be decoded${where}: ${messageOf(cause)}`,
      { cause, details: { type, position } },
    );
  }
}

/** A path as a JSON pointer (RFC 6901). */
function pointerOf(path: StandardSchemaV1.Issue['path']): string {
  const segments = (path ?? []).map(segment => String(typeof segment === 'object' ? segment.key : segment));
  return segments.map(segment => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** All of an event's metadata, and the part of it that counts for the event's identity. */
function mergedMetadata(
  given: NewEvent['metadata'],
  { context, traceparent }: Shared,
): { metadata: Partial<EventMetadata> | undefined; own: Record<string, unknown> } {
  const metadata: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  if (given !== undefined) {
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      metadata[name] = value;
      if (!CONTEXT_MEMBERS.has(name)) own[name] = value;
    }
  }
  for (const name of FROM_CONTEXT) {
    if (metadata[name] === undefined && context[name] !== undefined) metadata[name] = context[name];
  }
  if (metadata['traceparent'] === undefined && traceparent !== undefined) metadata['traceparent'] = traceparent;
  const { correlationId, causationId } = metadata;
  if (correlationId !== undefined) checkedName(correlationId, 'The correlationId of an event');
  if (causationId !== undefined) checkedName(causationId, 'The causationId of an event');
  for (const _ in metadata) return { metadata: metadata as Partial<EventMetadata>, own };
  return { metadata: undefined, own };
}

function metadataOf(stored: StoredEvent): EventMetadata {
  if (stored.metadata === null) return { correlationId: stored.id };
  const metadata = JSON.parse(stored.metadata) as EventMetadata;
  return metadata.correlationId === undefined ? { ...metadata, correlationId: stored.id } : metadata;
}

function notJson(type: string, { pointer, what }: JsonLoss): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `The data of event ${type} holds ${what} at ${pointer || '/'}, which JSON cannot hold. Nothing was appended: say json: {…} or a codec where the type is defined, or give another value.`,
    { details: { type, pointer, what } },
  );
}
