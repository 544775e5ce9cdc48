import type {
  AppendCondition,
  Batch,
  EncodedEvent,
  IdempotencyClaim,
  StateWrite,
  TopicWrite,
  WorkWrite,
} from '../../storage/index.ts';
import type { BatchPlan } from './history-plan.ts';
import { sampleEvent } from './sample-event.ts';
import type { StorageModel } from './storage-model.ts';

const FAILURE = { code: 'DELIVERY_FAILED', message: 'It failed.' } as const;

/** What a planned batch comes to, given what there is. `next` numbers what is new. */
export function plannedBatch(plan: BatchPlan, model: StorageModel, next: () => number): Batch {
  const batch = literalBatch(plan, model, next);
  return plan.sound ? soundPart(batch, model) : batch;
}

type Full = Required<Omit<Batch, 'class' | 'claim' | 'streams'>> & Pick<Batch, 'claim'>;

/** The writes of a batch that can be accepted together; or the repetition of one append, when it holds a known event. */
function soundPart(batch: Full, model: StorageModel): Batch {
  const sent = batch.appends.flatMap(append => append.events);
  const known = model.events.find(({ event }) => sent.some(({ id }) => id === event.id));
  if (known !== undefined) {
    return { appends: [{ stream: known.stream, expected: 'noStream', events: [{ ...known.event, fresh: false }] }] };
  }
  let sound: Full = { appends: [], conditions: [], cursors: [], documents: [], work: [], topics: [], state: [] };
  for (const kind of ['conditions', 'cursors', 'appends', 'documents', 'work', 'topics', 'state'] as const) {
    for (const write of batch[kind]) {
      const longer = { ...sound, [kind]: [...sound[kind], write] };
      if (model.codesOf(longer).size === 0) sound = longer;
    }
  }
  const claimed = batch.claim === undefined ? sound : { ...sound, claim: batch.claim };
  return model.codesOf(claimed).size === 0 ? claimed : sound;
}

function literalBatch(plan: BatchPlan, model: StorageModel, next: () => number): Full {
  const partitions = new Set<number>();
  const items = new Set<string>();
  return {
    appends: plan.appends.map(({ stream, expected, events }) => {
      const revision = model.revisionOf(stream);
      const right = revision === -1 ? 'noStream' : revision;
      return {
        stream,
        expected: expected === 'right' ? right : expected === 'wrong' ? revision + 1 : expected,
        events: events.map(event => plannedEvent(event, model, next)),
      };
    }),
    conditions: plan.conditions.map(condition => plannedCondition(condition, model)),
    ...(plan.claim === undefined ? {} : { claim: plannedClaim(plan.claim, next) }),
    // To move a cursor twice, or to write an item of work twice, in one batch is nobody's wish.
    cursors: plan.cursors
      .filter(({ partition }) => partitions.size < partitions.add(partition).size)
      .map(({ partition, from, fence }) => {
        const cursor = model.cursor('p', partition);
        return {
          processor: 'p',
          partition,
          fence: plannedFence(fence, cursor.fence),
          from: from === 'right' ? cursor.checkpoint : 'wrong',
          to: String(next()),
        };
      }),
    documents: plan.documents,
    work: plan.work
      .filter(({ queue, key }) => items.size < items.add(`${queue}/${key}`).size)
      .map(write => plannedWork(write, model, next)),
    topics: plan.topics.map(plannedTopicWrite),
    state: plan.state.map(plannedStateWrite),
  };
}

function plannedEvent(
  plan: BatchPlan['appends'][number]['events'][number],
  { events }: StorageModel,
  next: () => number,
): EncodedEvent {
  const known = plan.id === 'new' ? undefined : events[plan.which % Math.max(1, events.length)]?.event;
  if (plan.id === 'new') return sampleEvent({ type: plan.type, tags: plan.tags, data: `{"n":${next()}}` });
  if (known === undefined) return sampleEvent({ data: `{"n":${next()}}` });
  // Whether an event is said to be fresh must not make a difference.
  if (plan.id === 'known') return { ...known, fresh: plan.which % 3 === 0 };
  return sampleEvent({ id: known.id, fresh: plan.which % 3 === 0, data: `{"other":${next()}}` });
}

function plannedCondition({ after, ...query }: BatchPlan['conditions'][number], model: StorageModel): AppendCondition {
  const head = model.events.length;
  return { query: [query], after: after === 'head' ? head : after === 'start' ? 0 : Math.max(0, head - 2) };
}

function plannedClaim({ key, wish }: NonNullable<BatchPlan['claim']>, next: () => number): IdempotencyClaim {
  return { key, digest: new Uint8Array([wish]), answer: String(next()), keepMs: 1e12 };
}

function plannedWork(plan: BatchPlan['work'][number], model: StorageModel, next: () => number): WorkWrite {
  const { op, queue, key, dueAt } = plan;
  const item = { queue, key };
  const held = { ...item, fence: plannedFence(plan.fence, model.item(queue, key)?.fence ?? null) };
  switch (op) {
    case 'enqueue':
      return { op, ...item, dueAt, payload: `"${key} ${next()}"` };
    case 'parked':
      return { op: 'enqueue', ...item, dueAt, payload: '1', parked: FAILURE };
    case 'hold':
    case 'complete':
      return { op, ...held };
    case 'keep':
      return { op: 'complete', ...held, keep: true };
    case 'retry':
      return { op, ...held, dueAt };
    case 'fail':
      return { op: 'retry', ...held, dueAt, error: FAILURE };
    case 'park':
      return { op, ...held, error: FAILURE };
    case 'redrive':
      return { op, ...item, dueAt };
    case 'cancel':
      return { op, ...item };
    case 'purge':
      return { op, queue, doneBefore: dueAt === 0 ? 0 : Number.MAX_SAFE_INTEGER, limit: 10 };
  }
}

function plannedFence(rightness: 'right' | 'wrong', right: number | null): number {
  return rightness === 'right' && right !== null ? right : (right ?? 0) + 1;
}

function plannedTopicWrite({ op, partition, count }: BatchPlan['topics'][number]): TopicWrite {
  if (op === 'produce') {
    const records = Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: { count }, timestamp: n }));
    return { op, topic: 't', partition, records };
  }
  return { op: 'trim', topic: 't', producedBefore: op === 'trim' ? Number.MAX_SAFE_INTEGER : 0 };
}

function plannedStateWrite({ op, partition, key, window: [start, end] }: BatchPlan['state'][number]): StateWrite {
  const place = { store: 's', partition };
  if (op === 'expire') return { op, ...place, endBefore: end };
  return op === 'put' ? { op, ...place, key, start, end, value: `"${key}${end}"` } : { op, ...place, key, start, end };
}
