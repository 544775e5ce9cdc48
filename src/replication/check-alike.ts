import { hash } from 'node:crypto';
import { MillraceError } from '../core/index.ts';
import type { LogReader, StoredEvent } from '../storage/index.ts';

const PAGE = 1_000;

/** SHA-256 of everything that is stored of an event, its place included. */
function recordHash(event: StoredEvent): string {
  const { digest, ...rest } = event;
  const { position, stream, revision, id, type, schemaVersion, data, metadata, tags, occurredAt, recordedAt } = rest;
  const members = [position, stream, revision, id, type, schemaVersion, data, metadata, tags, occurredAt, recordedAt];
  return hash('sha256', JSON.stringify([...members, digest]));
}

/** The first position up to `through` at which two logs differ; undefined when there is none. */
async function firstDifference(one: LogReader, other: LogReader, through: number): Promise<number | undefined> {
  for (let after = 0; after < through; ) {
    const limit = Math.min(PAGE, through - after);
    const page = (await one.readLog({ after, limit })).events;
    const copies = (await other.readLog({ after, limit: Math.max(page.length, 1) })).events;
    for (let index = 0; index < Math.max(page.length, 1); index++) {
      const [event, copy] = [page[index], copies[index]];
      if (event === undefined || copy === undefined) return after + index + 1;
      if (recordHash(event) !== recordHash(copy)) return after + index + 1;
    }
    after += page.length;
  }
  return undefined;
}

/** Throws `REPLICA_DIVERGED` when a secondary does not begin as its primary does. With `whole`, every event is compared. */
export async function checkAlike(
  primary: LogReader,
  secondary: LogReader,
  { name, whole }: { name: string; whole: boolean },
): Promise<void> {
  const through = await secondary.head();
  const head = await primary.head();
  if (through > head) throw diverged(name, (await firstDifference(primary, secondary, head)) ?? head + 1);
  if (!whole) {
    const [event, copy] = await Promise.all([primary, secondary].map(log => at(log, through)));
    if (event === undefined && copy === undefined) return;
    if (event !== undefined && copy !== undefined && recordHash(event) === recordHash(copy)) return;
  }
  const position = await firstDifference(primary, secondary, through);
  if (position !== undefined) throw diverged(name, position);
}

async function at(log: LogReader, position: number): Promise<StoredEvent | undefined> {
  if (position === 0) return undefined;
  return (await log.readLog({ after: position - 1, limit: 1 })).events[0];
}

function diverged(secondary: string, position: number): MillraceError {
  return new MillraceError(
    'REPLICA_DIVERGED',
    `Secondary ${secondary} is no copy of this store: the first position that differs is ${position}. Nothing more is copied to it.`,
    { details: { secondary, position } },
  );
}
