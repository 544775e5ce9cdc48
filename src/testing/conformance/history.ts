import assert from 'node:assert/strict';
import type { ErrorCode } from '../../core/index.ts';
import type { Batch, CommitResult } from '../../storage/index.ts';
import { type ConformanceContext, LONG_LEASE_MS } from './conformance-context.ts';
import { type BatchPlan, COLLECTIONS, PARTITIONS, QUEUES, type Step } from './history-plan.ts';
import { viewOfModel, viewOfStorage } from './model-view.ts';
import { plannedBatch } from './planned-batch.ts';
import { outcomeOf } from './refusal.ts';
import { type ModelOutcome, StorageModel } from './storage-model.ts';
import { visibleState } from './visible-state.ts';

const DEFINITIONS = [
  { name: COLLECTIONS[0], owner: { processor: 'p' }, indexes: ['n'] },
  { name: COLLECTIONS[1], owner: { category: 'order' }, indexes: [] },
  { name: COLLECTIONS[2], owner: { snapshotsOf: 'order' }, indexes: [] },
];
const SCOPE = {
  collections: [COLLECTIONS[0], COLLECTIONS[1], COLLECTIONS[2]],
  queues: QUEUES,
  topics: [{ name: 't', partitions: PARTITIONS }],
  stores: [{ name: 's', partitions: 2 }],
};
/** Between the due times that have passed and the one that never comes. */
const SOME_TIME = 1_000;

type Outcome = { readonly ok: CommitResult } | { readonly code: ErrorCode };

/** Runs random steps on a storage and on the model beside it, and fails at the first difference. */
export class History {
  readonly #context: ConformanceContext;
  /** The last fence given out for each cursor and each key of work; it outlives the item. */
  readonly #fences = new Map<string, number>();
  #model = new StorageModel(DEFINITIONS, PARTITIONS);
  #number = 0;

  private constructor(context: ConformanceContext) {
    this.#context = context;
  }

  static async run(context: ConformanceContext, steps: readonly Step[]): Promise<void> {
    const history = new History(context);
    for (const definition of DEFINITIONS) await context.storage.documents.define(definition);
    await context.storage.topics.define({ name: 't', partitions: PARTITIONS, retention: 'forever' });
    for (const step of steps) await history.#take(step);
    await history.#compare();
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'commit':
        return this.#commit(step.batches);
      case 'acquire':
        return this.#acquire(step.partition, step.owner);
      case 'release':
        return this.#release(step.partition);
      case 'claim':
        return this.#claim(step.queue, step.limit);
      case 'giveBack':
        return this.#giveBack(step.queue, step.key);
      case 'outlast':
        return this.#outlast();
      case 'reopen':
        return this.#reopen();
    }
  }

  /**
   * Commits batches at the same time. What came of them must be what some order of the batches, one after the other,
   * gives, and what can be seen afterwards must be what that order leads to.
   */
  async #commit(plans: readonly BatchPlan[]): Promise<void> {
    const batches = plans.map(plan => plannedBatch(plan, this.#model, () => ++this.#number));
    const outcomes = await Promise.all(batches.map(batch => outcomeOf(this.#context.commit(batch))));
    const seen = await visibleState(this.#context.storage, SCOPE);
    const explaining = ordersOf(batches.length).flatMap(order => {
      const model = this.#model.clone();
      return order.every(index => agrees(model.apply(batches[index] as Batch), outcomes[index])) ? [model] : [];
    });
    if (explaining[0] === undefined) failUnexplained(this.#model, batches, outcomes);
    this.#model = explaining.find(model => same(viewOfStorage(seen, model), viewOfModel(model))) ?? explaining[0];
    assert.deepEqual(viewOfStorage(seen, this.#model), viewOfModel(this.#model));
  }

  async #acquire(partition: number, owner: string): Promise<void> {
    const cursor = this.#model.cursor('p', partition);
    const request = { processor: 'p', partitions: [partition], owner, leaseMs: LONG_LEASE_MS };
    const [lease] = await this.#context.storage.cursors.acquire(request);
    assert.equal(lease !== undefined, !cursor.held || cursor.owner === owner, 'who may take a cursor');
    if (lease === undefined) return;
    assert.deepEqual(lease, { processor: 'p', partition, checkpoint: cursor.checkpoint, fence: lease.fence });
    this.#noteFence(`cursor ${partition}`, lease.fence);
    Object.assign(cursor, { fence: lease.fence, owner, held: true });
  }

  async #release(partition: number): Promise<void> {
    const cursor = this.#model.cursor('p', partition);
    const { checkpoint, fence } = cursor;
    await this.#context.storage.cursors.release({ processor: 'p', partition, checkpoint, fence: fence ?? 0 });
    Object.assign(cursor, { fence: null, held: false });
  }

  async #claim(queue: string, limit: number): Promise<void> {
    const expected = this.#model.claimable(queue, SOME_TIME).slice(0, limit);
    const request = { queue, limit, owner: 'one', leaseMs: LONG_LEASE_MS };
    const claimed = await this.#context.storage.work.claim(request);
    assert.deepEqual(
      claimed.map(({ key, attempts, payload, error }) => ({ key, attempts, payload, error })),
      expected.map(({ key, attempts, payload, error }) => ({ key, attempts, payload, error })),
    );
    for (const [index, item] of expected.entries()) {
      const fence = claimed[index]?.fence as number;
      this.#noteFence(`work ${queue}/${item.key}`, fence);
      Object.assign(item, { fence, held: true });
    }
    const due = await this.#context.storage.work.nextDue(queue);
    assert.equal(due, this.#model.claimable(queue, Number.MAX_SAFE_INTEGER)[0]?.dueAt);
  }

  async #giveBack(queue: string, key: string): Promise<void> {
    const item = this.#model.item(queue, key);
    await this.#context.storage.work.release(queue, [{ key, fence: item?.fence ?? 0 }]);
    if (item !== undefined) Object.assign(item, { fence: null, held: false });
  }

  async #outlast(): Promise<void> {
    if (!this.#context.canMoveClock) return;
    await this.#context.advance(LONG_LEASE_MS + 1);
    this.#model.outlastLeases();
  }

  async #reopen(): Promise<void> {
    if (!this.#context.canReopen) return;
    await this.#context.reopen();
    if (!this.#context.capabilities.shared) this.#model.voidLeases();
    await this.#compare();
  }

  async #compare(): Promise<void> {
    const seen = await visibleState(this.#context.storage, SCOPE);
    assert.deepEqual(viewOfStorage(seen, this.#model), viewOfModel(this.#model));
  }

  #noteFence(name: string, fence: number): void {
    const before = this.#fences.get(name) ?? 0;
    assert.ok(fence > before, `${name} was given out under fence ${fence} after ${before}`);
    this.#fences.set(name, fence);
  }
}

function agrees(expected: ModelOutcome, actual: Outcome | undefined): boolean {
  if (actual === undefined) return false;
  if ('code' in actual) return expected.codes.has(actual.code);
  const { recordedAt: _, ...result } = actual.ok;
  return same(result, expected.ok);
}

/** Fails with what the batches would have come to in the order in which they were sent. */
function failUnexplained(before: StorageModel, batches: readonly Batch[], outcomes: readonly Outcome[]): never {
  const model = before.clone();
  const expected = batches.map(batch => {
    const { ok, codes } = model.apply(batch);
    return { ok, codes: [...codes] };
  });
  const shown = JSON.stringify({ batches, outcomes, expected }, null, 1);
  assert.fail(`no order of these batches explains what came of them: ${shown}`);
}

function same(one: unknown, other: unknown): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

function ordersOf(count: number): number[][] {
  if (count === 0) return [[]];
  const last = count - 1;
  return ordersOf(last).flatMap(order =>
    Array.from({ length: count }, (_, at) => [...order.slice(0, at), last, ...order.slice(at)]),
  );
}
