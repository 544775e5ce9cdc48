/**
 * Work that is done already (`undefined`) or still under way. Almost every record finds its state in memory; a promise for
 * each would cost more than the work itself.
 */
export type Pending = Promise<void> | undefined;

/** Runs the next piece of work as soon as the one before is done: at once when it is. */
export function andThen(pending: Pending, run: () => Pending): Pending {
  return pending === undefined ? run() : pending.then(run);
}
