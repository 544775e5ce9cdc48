import type {
  CursorRow,
  StateEntry,
  Storage,
  StoredDocument,
  StoredEvent,
  TopicRecord,
  WorkItem,
} from '../../storage/index.ts';

/** Which parts of a storage a test uses: what is looked at when all of its state is compared. */
export interface Scope {
  readonly collections: readonly string[];
  readonly queues: readonly string[];
  readonly topics: readonly { readonly name: string; readonly partitions: number }[];
  readonly stores: readonly { readonly name: string; readonly partitions: number }[];
}

/** Everything that a reader can see of a storage within a scope. */
export interface VisibleState {
  readonly events: readonly StoredEvent[];
  readonly documents: Readonly<Record<string, readonly StoredDocument[]>>;
  readonly cursors: readonly CursorRow[];
  readonly work: Readonly<Record<string, readonly WorkItem[]>>;
  readonly topics: Readonly<Record<string, { readonly end: number; readonly records: readonly TopicRecord[] }>>;
  readonly state: Readonly<Record<string, readonly StateEntry[]>>;
}

const EVERYTHING = 10_000;

/** Reads everything that a reader can see. */
export async function visibleState(storage: Storage, scope: Scope): Promise<VisibleState> {
  const documents: Record<string, readonly StoredDocument[]> = {};
  for (const name of scope.collections) documents[name] = await storage.documents.query(name, { limit: EVERYTHING });
  const work: Record<string, readonly WorkItem[]> = {};
  for (const queue of scope.queues) work[queue] = await itemsOf(storage, queue);
  const topics: Record<string, { end: number; records: readonly TopicRecord[] }> = {};
  for (const [name, partition] of partitionsOf(scope.topics)) {
    const end = await storage.topics.end(name, partition);
    topics[`${name}/${partition}`] = { end, records: await storage.topics.read(name, partition, 0, EVERYTHING) };
  }
  const state: Record<string, readonly StateEntry[]> = {};
  for (const [name, partition] of partitionsOf(scope.stores)) {
    state[`${name}/${partition}`] = await storage.topics.scanState(name, partition, { limit: EVERYTHING });
  }
  const { events } = await storage.log.readLog({ after: 0, limit: EVERYTHING });
  return { events, documents, cursors: await storage.cursors.read(), work, topics, state };
}

async function itemsOf(storage: Storage, queue: string): Promise<WorkItem[]> {
  const items: WorkItem[] = [];
  for (const state of ['ready', 'parked', 'done'] as const) {
    items.push(...(await storage.work.list(queue, { state, limit: EVERYTHING })));
  }
  return items;
}

function partitionsOf(named: readonly { name: string; partitions: number }[]): [string, number][] {
  return named.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition): [string, number] => [name, partition]),
  );
}
