import { isDeepStrictEqual } from 'node:util';
import type { CommitFault } from './faulty-storage.ts';
import { SagaTest, type SagaTestOptions } from './saga-test.ts';

/** What is repeated with a crash at every point. */
export interface CrashScenario<Services, Seen> extends Omit<SagaTestOptions, 'services' | 'faultAt'> {
  /** Makes the world in which one run takes place. */
  readonly services: () => Services;
  /** Does what is tested, and answers what has to be equal in every run: how sagas ended, which effects there were. */
  readonly run: (test: SagaTest, services: Services) => Promise<Seen>;
  /** Which faults there are. Default: all. */
  readonly faults?: readonly CommitFault[];
}

/** What was found out. */
export interface CrashReport<Seen> {
  /** How many runs there were with a fault. */
  readonly runs: number;
  /** What every one of them has shown. */
  readonly seen: Seen;
}

const ALL: readonly CommitFault[] = ['crash-before', 'crash-after', 'refuse', 'lose-answer'];

/**
 * Runs a scenario once undisturbed, and then with each fault at each of its commits: the process crashes just before it or just after
 * it, or the commit is refused, or only its answer is lost. Throws, naming the point, when a run shows anything else than the undisturbed one.
 *
 * @example
 * const { runs } = await crashAtEveryPoint({
 *   sagas: [fulfilment],
 *   services: () => new FakeWarehouse(),
 *   run: async (test, warehouse) => {
 *     await test.begin('fulfilment', '42', input);
 *     const { status } = await test.untilSettled('fulfilment', '42');
 *     return { status, effects: warehouse.effects };
 *   },
 * });
 */
export async function crashAtEveryPoint<Services, Seen>(
  scenario: CrashScenario<Services, Seen>,
): Promise<CrashReport<Seen>> {
  const undisturbed = await once(scenario, new Map());
  let runs = 0;
  for (const fault of scenario.faults ?? ALL) {
    for (let commit = 1; commit <= undisturbed.commits; commit++) {
      const { seen } = await once(scenario, new Map([[commit, fault]])).catch(cause => {
        throw new Error(
          `With '${fault}' at commit ${commit} of ${undisturbed.commits} the scenario failed: ${String(cause)}`,
          {
            cause,
          },
        );
      });
      runs++;
      if (isDeepStrictEqual(seen, undisturbed.seen)) continue;
      throw new Error(
        `With '${fault}' at commit ${commit} of ${undisturbed.commits} the run showed ${JSON.stringify(seen)} instead of ${JSON.stringify(undisturbed.seen)}.`,
      );
    }
  }
  return { runs, seen: undisturbed.seen };
}

async function once<Services, Seen>(
  { services: makeServices, run, ...options }: CrashScenario<Services, Seen>,
  faultAt: ReadonlyMap<number, CommitFault>,
): Promise<{ seen: Seen; commits: number }> {
  const services = makeServices();
  const test = await SagaTest.start({ ...options, services, faultAt });
  try {
    const seen = await run(test, services);
    return { seen, commits: test.commits };
  } finally {
    await test.end();
  }
}
