import type { ConformanceContext } from './conformance-context.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { History } from './history.ts';
import { histories } from './history-plan.ts';
import { loadFastCheck } from './property-testing.ts';

/** Random histories, compared step by step with a model of the contract. */
export const modelConformance: ConformanceSlice = {
  name: 'model',
  tests: {
    'does what a model of the contract does, whatever happens to it': checkHistories,
  },
};

async function checkHistories(context: ConformanceContext): Promise<void> {
  const fc = await loadFastCheck();
  const { runs, seed } = context.thoroughness;
  await fc.assert(
    fc.asyncProperty(histories(fc), steps => context.withFreshStorage(fresh => History.run(fresh, steps))),
    { numRuns: runs, ...(seed === undefined ? {} : { seed }) },
  );
}
