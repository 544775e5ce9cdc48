import { MillraceError } from '../../core/index.ts';

/** What the property tests use of fast-check. */
export type FastCheck = typeof import('fast-check');

/**
 * Loads fast-check. Only the property tests need it, so that a program which uses the other kits does not have to install
 * it. Throws `MISSING_PACKAGE` when it is not there.
 */
export async function loadFastCheck(): Promise<FastCheck> {
  try {
    return await import('fast-check');
  } catch (cause) {
    throw new MillraceError(
      'MISSING_PACKAGE',
      'The property tests of the conformance suite need the package fast-check, which is not installed. Run: npm install --save-dev fast-check',
      { cause, details: { package: 'fast-check' } },
    );
  }
}
