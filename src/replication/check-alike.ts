import { hash } from 'node:crypto';
import { MillraceError } from '../core/index.ts';
import { type LogReader, SCAVENGED_DATA, type StoredEvent } from '../storage/index.ts';

const PAGE = 1_000;

/** SHA-256 of everything that is stored of an event, its place included. */
function recordHash(event: StoredEvent): string {
  const { digest, ...rest } = event;
  const { position, stream, revision, id, type, schemaVersion, data, metadata, tags, occurredAt, recordedAt } = rest;
  const members = [position, stream, revision, id, type, schemaVersion, data, metadata, tags, occurredAt, recordedAt];
  return hash('sha256', JSON.stringify([...members, digest]));
}

/** Whether two records are the same event. One that was scavenged in one of the logs, and not yet in the other, is known by its place and digest. */
function isSame(one: StoredEvent, other: StoredEvent): boolean {
  if (one.data !== SCAVENGED_DATA && other.data !== SCAVENGED_DATA) return recordHash(one) === recordHash(other);
  return recordHash(emptied(one)) === recordHash(emptied(other));
}

function emptied(event: StoredEvent): StoredEvent {
  return { ...event, data: SCAVENGED_DATA, metadata: null, tags: [], occurredAt: null };
}

/** The first position up to `through` at which two logs differ; undefined when there is none. */
async function firstDifference(one: LogReader, other: LogReader, through: number): Promise<number | undefined> {
  for (let after = 0; after < through; ) {
    const limit = Math.min(PAGE, through - after);
    const page = (await one.readLog({ after, limit, scavenged: true })).events;
    const copies = (await other.readLog({ after, limit: Math.max(page.length, 1), scavenged: true })).events;
    for (let index = 0; index < Math.max(page.length, 1); index++) {
      const [event, copy] = [page[index], copies[index]];
      if (event === undefined || copy === undefined) return after + index + 1;
      if (!isSame(event, copy)) return after + index + 1;
    }
    after += page.length;
  }
  return undefined;
}

/**
 * Throws `REPLICA_DIVERGED` when a secondary does not begin as its primary does. With `whole`, every event is compared. Answers up to
 * where the secondary goes.
 */
export async function checkAlike(
  primary: LogReader,
  secondary: LogReader,
  { name, whole }: { name: string; whole: boolean },
): Promise<number> {
  const through = await secondary.head();
  const head = await primary.head();
  if (through > head) throw diverged(name, (await firstDifference(primary, secondary, head)) ?? head + 1);
  if (!whole) {
    const [event, copy] = await Promise.all([primary, secondary].map(log => at(log, through)));
    if (event === undefined && copy === undefined) return through;
    if (event !== undefined && copy !== undefined && isSame(event, copy)) return through;
  }
  const position = await firstDifference(primary, secondary, through);
  if (position !== undefined) throw diverged(name, position);
  return through;
}

async function at(log: LogReader, position: number): Promise<StoredEvent | undefined> {
  if (position === 0) return undefined;
  return (await log.readLog({ after: position - 1, limit: 1, scavenged: true })).events[0];
}

function diverged(secondary: string, position: number): MillraceError {
  return new MillraceError(
    'REPLICA_DIVERGED',
    `Secondary ${secondary} is no copy of this store: the first position that differs is ${position}. Nothing more is copied to it.`,
    { details: { secondary, position } },
  );
}
