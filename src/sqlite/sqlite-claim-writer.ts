import type { Database, Statement } from 'better-sqlite3';
import {
  type AppendOutcome,
  type CommitResult,
  type IdempotencyClaim,
  type IdempotentResult,
  keyReused,
} from '../storage/index.ts';

/** Keys whose time is over that each new one removes: more than come in, so that they never pile up, and never many at once. */
const REMOVED_PER_CLAIM = 4;

interface ClaimRow {
  readonly digest: Uint8Array;
  readonly answer: string;
  readonly appends: string;
  readonly recorded_at: number;
}

/** Finds what was done under an idempotency key that is still kept at a time. */
export function claimFinder(database: Database): (key: string, now: number) => IdempotentResult | undefined {
  const find: Statement<[string, number], ClaimRow> = database.prepare(
    'SELECT digest, answer, appends, recorded_at FROM claims WHERE key = ? AND kept_until > ?',
  );
  return (key, now) => {
    const row = find.get(key, now);
    if (row === undefined) return undefined;
    const { digest, answer, recorded_at: recordedAt } = row;
    const appends = JSON.parse(row.appends) as AppendOutcome[];
    return { digest, appends, answer, recordedAt };
  };
}

/** Claims idempotency keys. Belongs to the one writer of a file. */
export class SqliteClaimWriter {
  readonly #find: (key: string, now: number) => IdempotentResult | undefined;
  readonly #put: Statement<unknown[]>;
  readonly #removeOld: Statement<[number, number]>;

  constructor(database: Database) {
    this.#find = claimFinder(database);
    this.#put = database.prepare('INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?)');
    this.#removeOld = database.prepare(
      'DELETE FROM claims WHERE key IN (SELECT key FROM claims WHERE kept_until <= ? ORDER BY kept_until LIMIT ?)',
    );
  }

  /** The first result under a key; undefined when it is free. Throws `IDEMPOTENCY_KEY_REUSED` when it stands for something else. */
  find(claim: IdempotencyClaim, now: number): CommitResult | undefined {
    const known = this.#find(claim.key, now);
    if (known === undefined) return undefined;
    const { digest: first, ...result } = known;
    if (Buffer.compare(first, claim.digest) === 0) return { ...result, replayed: true };
    throw keyReused(claim);
  }

  /** Keeps a key with what was done under it. */
  write({ key, digest, answer, keepMs }: IdempotencyClaim, { appends, recordedAt }: CommitResult, now: number): void {
    this.#removeOld.run(now, REMOVED_PER_CLAIM);
    this.#put.run(key, digest, answer, JSON.stringify(appends), recordedAt, now + keepMs);
  }
}
