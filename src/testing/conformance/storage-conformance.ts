import { MillraceError } from '../../core/index.ts';
import type { Capabilities } from '../../storage/index.ts';
import { appendConformance } from './append-conformance.ts';
import { auditConformance } from './audit-conformance.ts';
import { batchConformance } from './batch-conformance.ts';
import { claimConformance } from './claim-conformance.ts';
import { conditionConformance } from './condition-conformance.ts';
import { type ConformanceSubject, type OpenedStorage, runOnFreshStorage } from './conformance-context.ts';
import type { ConformanceSlice, ConformanceTest } from './conformance-slice.ts';
import { cursorConformance } from './cursor-conformance.ts';
import { documentConformance } from './document-conformance.ts';
import { guardConformance } from './guard-conformance.ts';
import { idempotencyConformance } from './idempotency-conformance.ts';
import { lifecycleConformance } from './lifecycle-conformance.ts';
import { logConformance } from './log-conformance.ts';
import { modelConformance } from './model-conformance.ts';
import { pageConformance } from './page-conformance.ts';
import { queryConformance } from './query-conformance.ts';
import { repetitionConformance } from './repetition-conformance.ts';
import { stateConformance } from './state-conformance.ts';
import { topicConformance } from './topic-conformance.ts';
import { workConformance } from './work-conformance.ts';

/** What the suite needs of a test runner; the functions of vitest, Jest and node:test fit. */
export interface ConformanceRunner {
  describe(name: string, body: () => void): unknown;
  test(title: string, body: () => Promise<void>): unknown;
  /** Reports a test that is left out, and why. */
  skip(title: string, reason: string): unknown;
}

/** A test that a backend does not pass yet, and why that is so. */
export interface ConformanceGap {
  /** Slice and title, as they are shown: `topics > trims old records and keeps the offsets of the others`. */
  readonly test: string;
  readonly reason: string;
}

/** What the conformance suite is to be run on. */
export interface StorageConformance {
  /** How the backend, and the way in which it was opened, is called in titles. */
  readonly name: string;
  /** Opens a storage with nothing in it; called for every test. */
  open(): Promise<OpenedStorage>;
  /** What the storage must say about itself. */
  readonly capabilities: Capabilities;
  /** Whether what `open` gives can `reopen`; false leaves the tests out that do so. */
  readonly reopens: boolean;
  readonly runner: ConformanceRunner;
  /** Tests to leave out. Default: none. */
  readonly skip?: readonly ConformanceGap[];
  /** How many random cases each property test tries. Default: 30. */
  readonly runs?: number;
  /** Repeats the random cases of a failure, which names its seed. Default: another one each time. */
  readonly seed?: number;
}

const RUNS_DEFAULT = 30;
const SLICES: readonly ConformanceSlice[] = [
  appendConformance,
  conditionConformance,
  repetitionConformance,
  idempotencyConformance,
  logConformance,
  auditConformance,
  batchConformance,
  guardConformance,
  cursorConformance,
  documentConformance,
  queryConformance,
  pageConformance,
  workConformance,
  claimConformance,
  topicConformance,
  stateConformance,
  lifecycleConformance,
  modelConformance,
];

/**
 * Registers the tests that every storage must pass: each promise of the contract in `millrace/storage`, by example and by
 * random histories against a model. The random ones need the package fast-check.
 *
 * Throws `INVALID_ARGUMENT` when a gap names no test, so that none outlives its test.
 *
 * @example
 * storageConformance({
 *   name: 'my backend',
 *   open: async () => ({ storage: await openMyBackend(), destroy: async () => removeMyFiles() }),
 *   capabilities: { durable: true, shared: false },
 *   reopens: false,
 *   runner: { describe, test, skip: title => test.skip(title) },
 * });
 */
export function storageConformance(options: StorageConformance): void {
  const { name, runner, skip = [], reopens } = options;
  const subject: ConformanceSubject = {
    capabilities: options.capabilities,
    thoroughness: { runs: options.runs ?? RUNS_DEFAULT, seed: options.seed },
    open: () => options.open(),
  };
  const gaps = new Map(skip.map(({ test, reason }) => [test, reason]));
  runner.describe(`${name} keeps to the storage contract`, () => {
    for (const slice of SLICES) {
      runner.describe(slice.name, () => {
        for (const [title, test] of testsOf(slice, reopens)) {
          const reason = gaps.get(`${slice.name} > ${title}`);
          if (reason === undefined) runner.test(title, () => runOnFreshStorage(subject, test));
          else runner.skip(title, reason);
        }
      });
    }
  });
  checkGaps(gaps, reopens);
}

function testsOf({ tests, reopening = {} }: ConformanceSlice, reopens: boolean): [string, ConformanceTest][] {
  return [...Object.entries(tests), ...(reopens ? Object.entries(reopening) : [])];
}

function checkGaps(gaps: ReadonlyMap<string, string>, reopens: boolean): void {
  const known = new Set(SLICES.flatMap(slice => testsOf(slice, reopens).map(([title]) => `${slice.name} > ${title}`)));
  const unknown = [...gaps.keys()].filter(test => !known.has(test));
  if (unknown.length === 0) return;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `The conformance suite has no such tests to skip: ${unknown.join('; ')}. Name slice and title, as in "append > …".`,
    { details: { unknown } },
  );
}
