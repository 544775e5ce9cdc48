/**
 * Makes a batch repeatable under a key of the caller's choice. When the key is known with the same digest, nothing is checked or
 * written and the first result is answered; with another one, the batch is refused with `IDEMPOTENCY_KEY_REUSED`. A batch that is
 * refused leaves its key free.
 */
export interface IdempotencyClaim {
  /** Unique in the storage for as long as it is kept. */
  readonly key: string;
  /** What the caller wants done, so that another wish under the same key is told from a repetition. */
  readonly digest: Uint8Array;
  /** Kept with the key and given back to repetitions; the storage never looks inside. */
  readonly answer: string;
  /** How long the key is kept from the commit on, in milliseconds; afterwards it is as good as new. */
  readonly keepMs: number;
}
