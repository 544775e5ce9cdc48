import type { ConformanceContext } from './conformance-context.ts';

/** One test of the suite: it gets a fresh storage and throws when a promise of the contract is not kept. */
export type ConformanceTest = (context: ConformanceContext) => Promise<void>;

/** The tests of one part of the contract, by title. */
export interface ConformanceSlice {
  readonly name: string;
  readonly tests: Readonly<Record<string, ConformanceTest>>;
  /** Tests that open a storage again; left out for a storage that ends with its process. */
  readonly reopening?: Readonly<Record<string, ConformanceTest>>;
}
