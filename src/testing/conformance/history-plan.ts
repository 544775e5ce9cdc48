import type { Arbitrary } from 'fast-check';
import type { FastCheck } from './property-testing.ts';

/** Streams, keys and queues are few, so that batches meet. */
export const STREAMS = ['order-1', 'order-2', 'cart-1'] as const;
/** One collection of a processor, one of a category, one of its snapshots, and one that nobody defines. */
export const COLLECTIONS = ['owned', 'inline', 'kept', 'none'] as const;
/** The queues of the histories. */
export const QUEUES = ['q', 'r'] as const;
/** How many partitions the topic has; a plan may name one more. */
export const PARTITIONS = 2;

/** A batch as it is planned: what it means is settled when its turn comes, by what there is then. */
export interface BatchPlan {
  /** Whether what would have the batch refused is left out of it; otherwise it is committed with all its faults. */
  readonly sound: boolean;
  readonly appends: readonly {
    readonly stream: (typeof STREAMS)[number];
    readonly expected: 'any' | 'noStream' | 'exists' | 'right' | 'wrong';
    readonly events: readonly (NewEventPlan | { readonly id: 'known' | 'reused'; readonly which: number })[];
  }[];
  readonly conditions: readonly {
    readonly types?: readonly string[];
    readonly tags?: readonly string[];
    readonly after: 'head' | 'before' | 'start';
  }[];
  /** Under few keys, and of two kinds, so that keys are used again, rightly and wrongly. */
  readonly claim?: { readonly key: string; readonly wish: number } | undefined;
  readonly cursors: readonly { readonly partition: number; readonly from: Rightness; readonly fence: Rightness }[];
  readonly documents: readonly {
    readonly collection: (typeof COLLECTIONS)[number];
    readonly key: string;
    readonly body: string | null;
  }[];
  readonly work: readonly {
    readonly op:
      | 'enqueue'
      | 'parked'
      | 'hold'
      | 'complete'
      | 'keep'
      | 'retry'
      | 'fail'
      | 'park'
      | 'redrive'
      | 'cancel'
      | 'purge';
    readonly queue: (typeof QUEUES)[number];
    readonly key: string;
    readonly dueAt: number;
    readonly fence: Rightness;
  }[];
  readonly topics: readonly {
    readonly op: 'produce' | 'trim' | 'keep';
    readonly partition: number;
    readonly count: number;
  }[];
  readonly state: readonly {
    readonly op: 'put' | 'delete' | 'expire';
    readonly partition: number;
    readonly key: string;
    readonly window: readonly [number, number];
  }[];
}

interface NewEventPlan {
  readonly id: 'new';
  readonly type: string;
  readonly tags: readonly string[];
}

type Rightness = 'right' | 'wrong';

/** A step of a history. Several batches in one step are committed at the same time. */
export type Step =
  | { readonly kind: 'commit'; readonly batches: readonly BatchPlan[] }
  | { readonly kind: 'acquire'; readonly partition: number; readonly owner: string }
  | { readonly kind: 'release'; readonly partition: number }
  | { readonly kind: 'claim'; readonly queue: (typeof QUEUES)[number]; readonly limit: number }
  | { readonly kind: 'giveBack'; readonly queue: (typeof QUEUES)[number]; readonly key: string }
  | { readonly kind: 'outlast' }
  | { readonly kind: 'reopen' };

/** Random histories. */
export function histories(fc: FastCheck): Arbitrary<readonly Step[]> {
  const partition = fc.nat({ max: 1 });
  const queue = fc.constantFrom(...QUEUES);
  const alone = batchPlans(fc).map(batch => [batch]);
  const together = fc.array(batchPlans(fc).map(withoutParked), { minLength: 2, maxLength: 4 });
  const step: Arbitrary<Step> = fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('commit' as const), batches: alone }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit' as const), batches: together }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('acquire' as const), partition, owner: fc.constantFrom('one', 'two') }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), partition }) },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('claim' as const), queue, limit: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('giveBack' as const), queue, key: keys(fc) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'outlast' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  );
  return fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });
}

/** Of items that come into being at the same time and are not ready, nobody can see which came first. */
function withoutParked(plan: BatchPlan): BatchPlan {
  return { ...plan, work: plan.work.map(write => (write.op === 'parked' ? { ...write, op: 'enqueue' } : write)) };
}

function keys(fc: FastCheck): Arbitrary<string> {
  return fc.constantFrom('k1', 'k2', 'k3');
}

/** Mostly right, so that histories get somewhere. */
function rightness(fc: FastCheck): Arbitrary<Rightness> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.constant('right' as const) },
    { weight: 1, arbitrary: fc.constant('wrong' as const) },
  );
}

/** Empty lists now and then, so that batches are of different kinds. */
function few<T>(fc: FastCheck, element: Arbitrary<T>, maxLength: number): Arbitrary<T[]> {
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant<T[]>([]) },
    { weight: 1, arbitrary: fc.array(element, { minLength: 1, maxLength }) },
  );
}

function batchPlans(fc: FastCheck): Arbitrary<BatchPlan> {
  const event = fc.oneof(
    { weight: 24, arbitrary: fc.record({ id: fc.constant('new' as const), type: types(fc), tags: tags(fc) }) },
    { weight: 2, arbitrary: fc.record({ id: fc.constant('known' as const), which: fc.nat({ max: 30 }) }) },
    { weight: 1, arbitrary: fc.record({ id: fc.constant('reused' as const), which: fc.nat({ max: 30 }) }) },
  );
  const expected = fc.oneof(
    { weight: 6, arbitrary: fc.constant('right' as const) },
    { weight: 4, arbitrary: fc.constantFrom('any' as const, 'noStream' as const, 'exists' as const, 'wrong' as const) },
  );
  const append = fc.record({
    stream: fc.constantFrom(...STREAMS),
    expected,
    events: fc.array(event, { minLength: 0, maxLength: 3 }),
  });
  const body = fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: 9 }).map(n => `{"n":${n}}`) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
  const collection = fc.oneof(
    { weight: 10, arbitrary: fc.constant('owned' as const) },
    { weight: 5, arbitrary: fc.constant('inline' as const) },
    { weight: 1, arbitrary: fc.constant('none' as const) },
  );
  return fc.record({
    sound: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    appends: fc.array(append, { maxLength: 2 }),
    conditions: conditions(fc),
    claim: claims(fc),
    cursors: fc.array(fc.record({ partition: fc.nat({ max: 1 }), from: rightness(fc), fence: rightness(fc) }), {
      maxLength: 2,
    }),
    documents: few(fc, fc.record({ collection, key: fc.constantFrom(...STREAMS), body }), 3),
    work: few(fc, workPlans(fc), 6),
    topics: few(fc, topicPlans(fc), 2),
    state: few(fc, statePlans(fc), 3),
  });
}

function types(fc: FastCheck): Arbitrary<string> {
  return fc.constantFrom('Sampled', 'Placed');
}

function tags(fc: FastCheck): Arbitrary<string[]> {
  return fc.subarray(['x', 'y', 'z']);
}

/** Few, and mostly on the present, because most of them are refused. */
function conditions(fc: FastCheck): Arbitrary<BatchPlan['conditions']> {
  const condition = fc.record(
    {
      types: fc.array(types(fc), { maxLength: 2 }),
      tags: tags(fc),
      after: fc.constantFrom('head' as const, 'head' as const, 'before' as const, 'start' as const),
    },
    { requiredKeys: ['after'] },
  );
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant<BatchPlan['conditions']>([]) },
    { weight: 1, arbitrary: fc.array(condition, { minLength: 1, maxLength: 2 }) },
  );
}

function claims(fc: FastCheck): Arbitrary<BatchPlan['claim']> {
  const claim = fc.record({ key: fc.constantFrom('one', 'two', 'three'), wish: fc.constantFrom(1, 1, 1, 2) });
  return fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: claim });
}

/** How often each comes: the ends of an item need an item that is held, and come to nothing more often than not. */
const WORK_OPS = (
  [
    ['enqueue', 6],
    ['parked', 1],
    ['hold', 1],
    ['complete', 3],
    ['keep', 3],
    ['retry', 3],
    ['fail', 3],
    ['park', 4],
    ['redrive', 6],
    ['cancel', 1],
    ['purge', 1],
  ] as const
).flatMap(([op, weight]) => Array<BatchPlan['work'][number]['op']>(weight).fill(op));

function workPlans(fc: FastCheck): Arbitrary<BatchPlan['work'][number]> {
  return fc.record({
    op: fc.constantFrom(...WORK_OPS),
    queue: fc.constantFrom(...QUEUES),
    key: keys(fc),
    dueAt: fc.constantFrom(0, 1, 2, 3, Number.MAX_SAFE_INTEGER),
    fence: rightness(fc),
  });
}

function topicPlans(fc: FastCheck): Arbitrary<BatchPlan['topics'][number]> {
  const partition = fc.oneof(
    { weight: 12, arbitrary: fc.nat({ max: PARTITIONS - 1 }) },
    { weight: 1, arbitrary: fc.constant(PARTITIONS) },
  );
  return fc.record({
    op: fc.constantFrom('produce', 'produce', 'produce', 'trim', 'keep'),
    partition,
    count: fc.nat({ max: 3 }),
  });
}

function statePlans(fc: FastCheck): Arbitrary<BatchPlan['state'][number]> {
  return fc.record({
    op: fc.constantFrom('put', 'put', 'put', 'delete', 'expire'),
    partition: fc.nat({ max: 1 }),
    key: keys(fc),
    window: fc.constantFrom([0, 0] as const, [0, 10] as const, [10, 20] as const),
  });
}
