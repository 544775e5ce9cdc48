import type { TestOptions } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Why the test was skipped; shown at the end of `npm test`. */
    skipReason?: string;
  }
}

/**
 * Options for a `test` or `describe` that needs something which a machine may lack, such as a browser. Without it the tests
 * are skipped, and `npm test` says so at its end. Where `CI` is true everything has to be there: then the file fails instead.
 *
 * @example describe('the page', skipUnless('chromium', browser !== undefined, 'apt-get install chromium'), () => { … });
 */
export function skipUnless(component: string, present: boolean, remedy: string): TestOptions {
  if (present) return {};
  const skipReason = `${component} is missing; to have it: ${remedy}`;
  if (process.env.CI === 'true') throw new Error(`${skipReason}. With CI=true nothing may be missing.`);
  return { skip: true, meta: { skipReason } };
}
