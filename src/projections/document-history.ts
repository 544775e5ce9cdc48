import { MillraceError, messageOf } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { keysOf, type Projection } from './projection.ts';

/** Up to where a document is folded: a position of the log, or a time in milliseconds since 1970 UTC. */
export type AsOf = { readonly position: number } | { readonly time: number };

/** A document as it stood once. */
export interface PastDocument {
  /** Undefined when there was none. */
  readonly document: unknown;
  /** The last event that made it; 0 when there is none. */
  readonly position: number;
}

const PAGE = 1_000;

type Evolve = Readonly<
  Record<string, ((state: unknown, event: RecordedEvent, found: unknown, key: string) => unknown) | undefined>
>;

/** Folds one document of a projection anew from the log, between two positions. */
export async function foldDocument(
  projection: Projection,
  key: string,
  range: { after?: number; through: number; from?: unknown; before?: number },
  environment: Environment,
): Promise<PastDocument> {
  let document = range.from;
  let position = range.after ?? 0;
  for await (const { event, found } of eventsOf(projection, key, range, environment)) {
    const next = evolved(projection, document ?? projection.initial(), event, { found, key });
    if (next === undefined) continue;
    document = next ?? undefined;
    position = event.position;
  }
  return { document, position };
}

function evolved(
  { name, evolve }: Projection,
  state: unknown,
  event: RecordedEvent,
  { found, key }: { found: unknown; key: string },
): unknown {
  try {
    return (evolve as Evolve)[event.type]?.(state, event, found, key);
  } catch (cause) {
    throw new MillraceError(
      'PROJECTION_FAILED',
      `Projection ${name} cannot fold the event at position ${event.position} into document ${key}: ${messageOf(cause)}`,
      { cause, details: { projection: name, key, position: event.position } },
    );
  }
}

/** The events that belong to one document, in the order of the log: at most `limit`. */
export async function historyOf(
  projection: Projection,
  key: string,
  range: { after: number; limit: number; through: number },
  environment: Environment,
): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const { event } of eventsOf(projection, key, range, environment)) {
    events.push(event);
    if (events.length === range.limit) break;
  }
  return events;
}

/** The position up to which the log went at a time. */
export async function positionAt(asOf: AsOf, { storage }: Environment): Promise<number> {
  const [name, value] = Object.entries(asOf)[0] ?? ['position', undefined];
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new MillraceError('INVALID_ARGUMENT', `asOf.${name} is ${String(value)}; it must be a whole number from 0.`, {
      details: { [name]: value ?? null },
    });
  }
  const head = await storage.log.head();
  if ('position' in asOf) return Math.min(asOf.position, head);
  const page = await storage.log.readLog({ after: 0, limit: 1, filter: { recordedFrom: asOf.time + 1 } });
  const [later] = page.events;
  return later === undefined ? head : later.position - 1;
}

async function* eventsOf(
  projection: Projection,
  key: string,
  { after = 0, through }: { after?: number; through: number },
  { storage, codec }: Environment,
): AsyncGenerator<{ event: RecordedEvent; found: unknown }, undefined> {
  const filter = { types: projection.events.map(event => event.type) };
  for (let position = after; position < through; ) {
    const page = await storage.log.readLog({ after: position, limit: PAGE, filter });
    const wanted = page.events.filter(event => event.position <= through);
    const events = (await codec.decodeAll(wanted)).filter(event => keysOf(projection, event).includes(key));
    const found = projection.enrich && (await projection.enrich(events as never[]));
    for (const event of events) yield { event, found };
    if (page.events.length === 0 && page.through <= position) return undefined;
    position = page.through;
  }
  return undefined;
}
