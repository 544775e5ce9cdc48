import assert from 'node:assert/strict';
import { type ErrorCode, isMillraceError, type MillraceError } from '../../core/index.ts';

/** The error of a call that must be refused with a code; fails when it succeeds or is refused otherwise. */
export async function refusal(call: Promise<unknown>, code: ErrorCode): Promise<MillraceError> {
  const thrown = await call.then(
    () => assert.fail(`was accepted, but must be refused with ${code}`),
    (error: unknown) => error,
  );
  if (isMillraceError(thrown, code)) return thrown;
  if (thrown instanceof assert.AssertionError) throw thrown;
  assert.fail(`must be refused with ${code}, but failed with ${describeThrown(thrown)}`);
}

/** What became of a call, in a form that can be compared: its result, or the code of its refusal. */
export async function outcomeOf<R>(call: Promise<R>): Promise<{ ok: R } | { code: ErrorCode }> {
  try {
    return { ok: await call };
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
    return { code: thrown.code };
  }
}

function describeThrown(thrown: unknown): string {
  if (isMillraceError(thrown)) return `${thrown.code}: ${thrown.message}`;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
