/**
 * Testing: kits for programs that use Millrace and for backends that implement its storage. No source file imports it.
 * Three words to know: *virtual clock* (time that a test moves), *conformance* (what every backend must pass),
 * *seed* (what repeats a run).
 */
export type { OpenedStorage } from './conformance/conformance-context.ts';
export {
  type ConformanceGap,
  type ConformanceRunner,
  type StorageConformance,
  storageConformance,
} from './conformance/storage-conformance.ts';
export { type CrashReport, type CrashScenario, crashAtEveryPoint } from './crash-at-every-point.ts';
export { type CommitFault, type FaultyStorage, faultyStorage } from './faulty-storage.ts';
export { expectCompensated, type SagaPoint, SagaTest, type SagaTestOptions } from './saga-test.ts';
export { createTestEnvironment, type TestEnvironment } from './test-environment.ts';
export { VirtualClock } from './virtual-clock.ts';
