import { hash } from 'node:crypto';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { canonicalJson, checkedName, type IdSource, MillraceError, messageOf } from '../core/index.ts';
import type { EncodedEvent, StoredEvent } from '../storage/index.ts';
import type { AnyEvent, EventMetadata, NewEvent, RecordedEvent } from './event-definition.ts';
import { tagsOf } from './event-tags.ts';
import { currentTraceparent } from './trace-context.ts';

/** What a command or handler gives to all events that it appends; an event's own value wins. */
export interface EventContext {
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly userId?: string;
}

/** Members of the metadata that say in which context an event was appended, not what it is: they do not count for its identity. */
const CONTEXT_MEMBERS = new Set(['correlationId', 'causationId', 'traceparent', 'tracestate']);

/** What an event takes from its context; whatever else the context's object holds is not the event's. */
const FROM_CONTEXT = ['correlationId', 'causationId', 'userId', 'traceparent'] as const;

/** Between events as programs know them and events as the storage keeps them: validation, encoding, upcasting. */
export class EventCodec {
  readonly #definitions = new Map<string, AnyEvent>();
  readonly #strict: boolean;
  readonly #ids: IdSource;

  /** With `strict`, a type without a definition is refused; without, its data passes unchecked. */
  constructor(options: { definitions: readonly AnyEvent[]; strict: boolean; ids: IdSource }) {
    for (const definition of options.definitions) this.#definitions.set(definition.type, definition);
    this.#strict = options.strict;
    this.#ids = options.ids;
  }

  /**
   * Checks and encodes events for a stream. Throws `SCHEMA_VIOLATION` with a pointer to each wrong field,
   * `UNKNOWN_EVENT_TYPE`, or `INVALID_ARGUMENT` for a name, time or metadata that cannot be stored.
   */
  async encode(stream: string, events: readonly NewEvent[], context: EventContext = {}): Promise<EncodedEvent[]> {
    const traceparent = currentTraceparent();
    const encoded: EncodedEvent[] = [];
    for (const event of events) {
      const definition = this.#definitionOf(event.type);
      let data: unknown = event.data;
      if (definition !== undefined) {
        const checked = definition.schema['~standard'].validate(event.data);
        data = validData(event, encoded.length, checked instanceof Promise ? await checked : checked);
      }
      const checked = { data, version: definition?.version ?? 1, tags: tagsOf(event, definition, data) };
      encoded.push(this.#encodeChecked(stream, event, checked, { ...context, traceparent }));
    }
    return encoded;
  }

  /** Encodes an event of Millrace's own, whose data needs no check. */
  encodeOwn(stream: string, event: NewEvent, context: EventContext = {}): EncodedEvent {
    const checked = { data: event.data, version: 1, tags: event.tags ?? [] };
    return this.#encodeChecked(stream, event, checked, { ...context, traceparent: currentTraceparent() });
  }

  /** Decodes an event as it is stored. Throws `UNKNOWN_EVENT_VERSION` when it is newer than its definition. */
  decode(stored: StoredEvent): RecordedEvent {
    const definition = this.#definitions.get(stored.type);
    const current = definition !== undefined && stored.schemaVersion !== definition.version;
    const data: unknown = JSON.parse(stored.data);
    return {
      position: stored.position,
      stream: stored.stream,
      revision: stored.revision,
      id: stored.id,
      type: stored.type,
      schemaVersion: current ? definition.version : stored.schemaVersion,
      data: current ? upcast(stored, definition, data) : data,
      metadata: metadataOf(stored),
      tags: stored.tags,
      occurredAt: stored.occurredAt ?? stored.recordedAt,
      recordedAt: stored.recordedAt,
      contentHash: hexOf(stored.digest),
    };
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
    { data, version, tags }: { data: unknown; version: number; tags: readonly string[] },
    context: EventContext & { traceparent: string | undefined },
  ): EncodedEvent {
    const id = event.id === undefined ? this.#ids.next() : checkedName(event.id, 'The id of an event');
    const { metadata, own } = mergedMetadata(event.metadata, context);
    const text = JSON.stringify(data);
    if (text === undefined) throw noJson(event.type);
    const content: unknown[] = [stream, event.type, version, data, own];
    if (tags.length > 0) content.push(tags);
    return {
      id,
      fresh: event.id === undefined,
      type: event.type,
      schemaVersion: version,
      data: text,
      metadata: metadata === undefined ? null : JSON.stringify(metadata),
      correlationId: metadata?.correlationId ?? null,
      causationId: metadata?.causationId ?? null,
      tags,
      occurredAt: checkedTime(event),
      digest: hash('sha256', canonicalJson(content), 'buffer'),
    };
  }
}

/** The latest time that a date can hold, and as far before 1970 the earliest, in milliseconds (ECMA-262, 21.4.1.1). */
const TIME_MAX = 8.64e15;

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
  const list = errors.map(error => `${error.pointer || '/'}: ${error.message}`).join('; ');
  throw new MillraceError(
    'SCHEMA_VIOLATION',
    `The data of event ${event.type} does not fit its schema: ${list}. Nothing was appended.`,
    { details: { type: event.type, index, errors } },
  );
}

/** A path as a JSON pointer (RFC 6901). */
function pointerOf(path: StandardSchemaV1.Issue['path']): string {
  const segments = (path ?? []).map(segment => String(typeof segment === 'object' ? segment.key : segment));
  return segments.map(segment => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** All of an event's metadata, and the part of it that counts for the event's identity. */
function mergedMetadata(
  given: NewEvent['metadata'],
  context: EventContext & { traceparent: string | undefined },
): { metadata: Partial<EventMetadata> | undefined; own: Record<string, unknown> } {
  const metadata: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined) continue;
    metadata[name] = value;
    if (!CONTEXT_MEMBERS.has(name)) own[name] = value;
  }
  for (const name of FROM_CONTEXT) {
    if (metadata[name] === undefined && context[name] !== undefined) metadata[name] = context[name];
  }
  for (const name of ['correlationId', 'causationId'] as const) {
    if (metadata[name] !== undefined) checkedName(metadata[name], `The ${name} of an event`);
  }
  for (const _ in metadata) return { metadata: metadata as Partial<EventMetadata>, own };
  return { metadata: undefined, own };
}

function metadataOf(stored: StoredEvent): EventMetadata {
  if (stored.metadata === null) return { correlationId: stored.id };
  const metadata = JSON.parse(stored.metadata) as EventMetadata;
  return metadata.correlationId === undefined ? { ...metadata, correlationId: stored.id } : metadata;
}

function upcast(stored: StoredEvent, definition: AnyEvent, data: unknown): unknown {
  const { type, schemaVersion } = stored;
  if (schemaVersion > definition.version) {
    throw new MillraceError(
      'UNKNOWN_EVENT_VERSION',
      `Event ${stored.id} at position ${stored.position} is version ${schemaVersion} of ${type}; this program knows versions up to ${definition.version}. Run a program that knows it.`,
      { details: { type, position: stored.position, schemaVersion, known: definition.version } },
    );
  }
  try {
    let current = data;
    for (let version = schemaVersion; version < definition.version; version++) {
      current = (definition.upcast[version] as (data: unknown) => unknown)(current);
    }
    return current;
  } catch (cause) {
    throw new MillraceError(
      'LOAD_FAILED',
      `The upcaster of ${type} failed on the event at position ${stored.position}: ${messageOf(cause)}`,
      { cause, details: { type, position: stored.position, schemaVersion } },
    );
  }
}

function hexOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
}

function noJson(type: string): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `The data of event ${type} has no JSON form. Give it an object, array, text, number, boolean or null.`,
    { details: { type } },
  );
}
