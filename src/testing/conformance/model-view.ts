import type { StorageModel } from './storage-model.ts';
import type { VisibleState } from './visible-state.ts';

type View = Readonly<Record<string, unknown>>;

/**
 * What can be seen of a storage, in the form of `viewOfModel`: without what depends on the clock, and without the records
 * that were trimmed, which a backend may still keep.
 */
export function viewOfStorage(seen: VisibleState, { topic }: StorageModel): View {
  return {
    events: seen.events.map(({ position, stream, revision, id, type, tags, data }) => {
      return [position, stream, revision, id, type, tags, data];
    }),
    documents: seen.documents,
    cursors: seen.cursors.map(({ partition, checkpoint }) => [partition, checkpoint]),
    work: Object.values(seen.work)
      .flat()
      .map(({ queue, key, state, payload, dueAt, attempts, error, settledAt }) => {
        return { queue, key, state, payload, dueAt, attempts, error, settled: settledAt !== null };
      }),
    topic: Object.values(seen.topics).map(({ end, records }, partition) => {
      const trimmedTo = topic[partition]?.trimmedTo ?? 0;
      return { end, records: records.filter(({ offset }) => offset >= trimmedTo) };
    }),
    state: Object.entries(seen.state).flatMap(([place, entries]) =>
      entries.map(({ key, end, start, value }) => [place, key, end, start, value]),
    ),
  };
}

/** What a storage that keeps to the contract would show. */
export function viewOfModel(model: StorageModel): View {
  return {
    events: model.events.map(({ stream, revision, event }, index) => [
      index + 1,
      stream,
      revision,
      event.id,
      event.type,
      event.tags,
      event.data,
    ]),
    documents: Object.fromEntries(
      model.collections.map(({ name }) => [
        name,
        Object.entries(model.documents[name] ?? {})
          .map(([key, body]) => ({ key, body }))
          .sort((one, other) => (one.key < other.key ? -1 : 1)),
      ]),
    ),
    cursors: Object.entries(model.cursors)
      .filter(([, { checkpoint }]) => checkpoint !== null)
      .map(([name, { checkpoint }]) => [Number(name.split('/')[1]), checkpoint])
      .sort(([one], [other]) => Number(one) - Number(other)),
    work: workInOrder(model),
    topic: model.topic.map(({ records, trimmedTo }) => ({ end: records.length, records: records.slice(trimmedTo) })),
    state: Object.entries(model.state)
      .map(([name, value]) => [...(JSON.parse(name) as (string | number)[]), value])
      .sort((one, other) => compareLists(one, other)),
  };
}

function workInOrder({ work }: StorageModel): object[] {
  const queues = [...new Set(work.map(item => item.queue))].sort();
  return queues.flatMap(queue =>
    (['ready', 'parked', 'done'] as const).flatMap(wanted =>
      work
        .filter(item => item.queue === queue && item.state === wanted)
        .map(({ key, state, payload, dueAt, attempts, error }) => {
          return { queue, key, state, payload, dueAt, attempts, error, settled: state !== 'ready' };
        }),
    ),
  );
}

function compareLists(one: readonly (string | number)[], other: readonly (string | number)[]): number {
  for (const [index, value] of one.entries()) {
    const against = other[index] as string | number;
    if (value !== against) return value < against ? -1 : 1;
  }
  return 0;
}
