import { canonicalJson, checkedName, MillraceError, sha256 } from '../core/index.ts';
import type { EncodedEvent, StoredEvent } from '../storage/index.ts';

/** How the events of a file are written, one for each line: as Millrace's own objects, or as CloudEvents 1.0 in JSON. */
export type ExportFormat = 'ndjson' | 'cloudevents';

/** An event of a file, ready to be appended. */
export interface ImportedEvent {
  readonly stream: string;
  /** Where it stood in the log that was exported; undefined for an event from elsewhere. */
  readonly position: number | undefined;
  readonly event: EncodedEvent;
}

/** Members of a line beside the data, which stands in it as the text that is stored. */
type Members = Readonly<Record<string, unknown>>;

/** The line for an event, without the line break. */
export function eventLine(event: StoredEvent, format: ExportFormat): string {
  const members = JSON.stringify(format === 'ndjson' ? ownMembers(event) : cloudMembers(event));
  return `${members.slice(0, -1)},"data":${event.data}}`;
}

function ownMembers(event: StoredEvent): Members {
  const { position, stream, revision, id, type, schemaVersion, occurredAt, recordedAt, tags, digest } = event;
  const metadata = event.metadata === null ? null : (JSON.parse(event.metadata) as unknown);
  return {
    position,
    stream,
    revision,
    id,
    type,
    schemaVersion,
    occurredAt,
    recordedAt,
    tags,
    digest,
    metadata,
  };
}

/** What CloudEvents has no name for are extension attributes, whose values are texts and whole numbers. */
function cloudMembers(event: StoredEvent): Members {
  return {
    specversion: '1.0',
    id: event.id,
    source: 'millrace',
    type: event.type,
    subject: event.stream,
    time: new Date(event.occurredAt ?? event.recordedAt).toISOString(),
    datacontenttype: 'application/json',
    position: String(event.position),
    schemaversion: event.schemaVersion,
    ...(event.occurredAt === null ? {} : { occurredat: String(event.occurredAt) }),
    recordedat: String(event.recordedAt),
    digest: event.digest,
    ...(event.tags.length === 0 ? {} : { tags: JSON.stringify(event.tags) }),
    ...(event.metadata === null ? {} : { metadata: event.metadata }),
  };
}

/**
 * Reads a line of either format; a CloudEvent from elsewhere goes to the stream that its subject names, or else its source. Throws
 * `INVALID_INPUT_FILE` with the number of the line.
 */
export function parseEventLine(line: string, where: { file: string; line: number }): ImportedEvent {
  try {
    const value = JSON.parse(line) as Members;
    return 'specversion' in value ? fromCloudEvent(value) : fromOwn(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `Line ${where.line} of ${where.file} is no event: ${reason} Correct it and run the same command again; what stands before it is imported.`;
    throw new MillraceError('INVALID_INPUT_FILE', message, { cause, details: where });
  }
}

function fromOwn(value: Members): ImportedEvent {
  const { data, metadata = null, tags = [], occurredAt = null, recordedAt } = value;
  return imported(value, {
    stream: value['stream'],
    type: value['type'],
    version: value['schemaVersion'],
    position: value['position'],
    happened: occurredAt ?? recordedAt,
    ...{ data, metadata, tags },
  });
}

function fromCloudEvent(value: Members): ImportedEvent {
  const { data, subject, source, time, metadata, tags, position, occurredat, recordedat } = value;
  const when = occurredat ?? recordedat ?? (time === undefined ? undefined : Date.parse(time as string));
  return imported(value, {
    stream: subject ?? source,
    type: value['type'],
    version: value['schemaversion'] ?? 1,
    position: position === undefined ? undefined : Number(position),
    happened: when === undefined ? null : Number(when),
    metadata: metadata === undefined ? null : JSON.parse(metadata as string),
    tags: tags === undefined ? [] : JSON.parse(tags as string),
    data,
  });
}

function imported(
  value: Members,
  parts: Readonly<
    Record<'stream' | 'type' | 'version' | 'position' | 'happened' | 'data' | 'metadata' | 'tags', unknown>
  >,
): ImportedEvent {
  const stream = checkedName(parts.stream, 'The stream');
  const type = checkedName(parts.type, 'The type');
  const id = checkedName(value['id'], 'The id');
  const { data, version, happened, position } = parts;
  if (data === undefined) throw new Error('it has no data.');
  if (!Number.isSafeInteger(version)) throw new Error(`its schema version is ${JSON.stringify(version)}.`);
  if (happened !== null && happened !== undefined && !Number.isSafeInteger(happened)) {
    throw new Error(`its time is ${JSON.stringify(happened)}.`);
  }
  if (position !== undefined && !Number.isSafeInteger(position))
    throw new Error(`its position is ${JSON.stringify(position)}.`);
  const metadata = parts.metadata as Members | null;
  const tags = (parts.tags as readonly unknown[]).map(tag => checkedName(tag, 'A tag'));
  const { digest = digestOf(stream, type, version, data) } = value;
  if (typeof digest !== 'string' || !DIGEST.test(digest)) throw new Error(`its digest is ${JSON.stringify(digest)}.`);
  return {
    stream,
    position: position as number | undefined,
    event: {
      ...{ id, type, tags, fresh: false, schemaVersion: version as number, data: JSON.stringify(data) },
      metadata: metadata === null ? null : JSON.stringify(metadata),
      correlationId: textOrNull(metadata?.['correlationId']),
      causationId: textOrNull(metadata?.['causationId']),
      occurredAt: (happened as number | undefined) ?? null,
      digest,
    },
  };
}

/** SHA-256 in hexadecimal digits. */
const DIGEST = /^[0-9a-f]{64}$/;

/** As an append of the same content would have it. */
function digestOf(stream: string, type: string, version: unknown, data: unknown): string {
  return sha256(canonicalJson([stream, type, version, data, {}]));
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
