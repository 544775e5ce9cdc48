import {
  type Backoff,
  type Clock,
  delayAfter,
  type IdSource,
  type Outcome,
  type Random,
  sleep,
} from '../core/index.ts';
import { type Batch, type CommitResult, withoutFreshEvents } from '../storage/index.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import { COMMIT_PARAMETERS } from './postgres-commit.sql.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import {
  concernsContent,
  contentError,
  isAway,
  isMissing,
  isUndone,
  storageError,
  unknownOutcome,
} from './postgres-errors.ts';
import { type GroupAnswer, type GroupResult, PostgresGroup } from './postgres-group.ts';
import { type PlannedBatch, planBatch } from './postgres-planned-batch.ts';
import { roundsOf } from './postgres-rounds.ts';

/** How long a group is sent again while the server is away, and while the storage is being closed. */
const PATIENCE_MS = 30_000;
const PATIENCE_CLOSING_MS = 5_000;
const PAUSE: Backoff = { attempts: Number.POSITIVE_INFINITY, base: 20, cap: 500, jitter: 'full' };

/** How long the answers to groups are kept for those that are sent again; far longer than anybody's patience. */
const GROUPS_KEPT = '1 hour';
const PRUNE_EVERY_MS = 600_000;
const PRUNED_AT_ONCE_MAX = 10_000;

/** What a group that was committed tells. */
export type Committed = (batches: readonly Batch[], log: GroupResult['log']) => void;

interface Parts {
  readonly connection: PostgresConnection;
  readonly catalog: PostgresCatalog;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random: Random;
  readonly committed: Committed;
}

/** Sends groups of batches to the server, each in one call, and finds out what became of those whose answer was lost. */
export class PostgresCommitter {
  readonly #parts: Parts;
  readonly #call: string;
  readonly #prune: string;
  #prunedAt: number;
  #closing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { schema } = parts.connection;
    this.#call = `SELECT ${schema}.commit_group(${COMMIT_PARAMETERS.map((_, index) => `$${index + 1}`).join(', ')})`;
    this.#prune = `DELETE FROM ${schema}.commit_groups WHERE id IN (
      SELECT id FROM ${schema}.commit_groups WHERE committed_at < now() - interval '${GROUPS_KEPT}'
      ORDER BY committed_at LIMIT ${PRUNED_AT_ONCE_MAX} FOR UPDATE SKIP LOCKED)`;
    this.#prunedAt = parts.clock.monotonic();
  }

  /** Shortens the patience with a server that is away. */
  close(): void {
    this.#closing = true;
  }

  /** Commits batches in as few groups as what they touch allows; answers one outcome for each. */
  async commit(batches: readonly Batch[]): Promise<readonly Outcome<CommitResult>[]> {
    const rounds = roundsOf(batches);
    const outcomes: Outcome<CommitResult>[] = [];
    for (let round = 0; round <= Math.max(...rounds); round++) {
      const places = rounds.flatMap((at, index) => (at === round ? [index] : []));
      const settled = await this.#commitRound(places.map(index => batches[index] as Batch));
      places.forEach((place, index) => {
        outcomes[place] = settled[index] as Outcome<CommitResult>;
      });
    }
    this.#pruneNowAndThen();
    return outcomes;
  }

  async #commitRound(batches: readonly Batch[]): Promise<readonly Outcome<CommitResult>[]> {
    try {
      return await this.#commitGroup(batches);
    } catch (thrown) {
      if (concernsContent(thrown)) return this.#commitOneByOne(batches, thrown);
      return batches.map(() => ({ error: storageError(thrown, this.#store) }));
    }
  }

  async #commitGroup(batches: readonly Batch[]): Promise<readonly Outcome<CommitResult>[]> {
    const { catalog, committed } = this.#parts;
    const preparing = catalog.prepare(batches);
    if (preparing !== undefined) await preparing;
    const planned = batches.map(batch => planBatch(batch, catalog));
    if (planned.every(isSettled)) return planned.map(({ refusal }) => ({ error: refusal }));
    const group = new PostgresGroup(planned, catalog);
    const answer = await this.#send(group.arguments());
    const { outcomes, log } = group.result(JSON.parse(answer) as GroupAnswer);
    const accepted = batches.filter((_, index) => 'ok' in (outcomes[index] as Outcome<CommitResult>));
    for (const batch of accepted) catalog.stored(batch);
    committed(accepted, log);
    return outcomes;
  }

  /**
   * Gives every batch a group of its own, to find the one that breaks what no check foresaw. No event is taken for fresh any
   * more, so that an id that was used before is found by the checks; and collections are looked up anew.
   */
  async #commitOneByOne(batches: readonly Batch[], cause: unknown): Promise<readonly Outcome<CommitResult>[]> {
    if (isMissing(cause)) this.#parts.catalog.forgetCollections();
    const outcomes: Outcome<CommitResult>[] = [];
    for (const batch of batches) {
      try {
        outcomes.push(...(await this.#commitGroup([withoutFreshEvents(batch)])));
      } catch (thrown) {
        const error = concernsContent(thrown) ? contentError(thrown) : storageError(thrown, this.#store);
        outcomes.push({ error });
      }
    }
    return outcomes;
  }

  /**
   * Calls the commit function until it answers. A call whose answer was lost may have been committed, or may still run: sent
   * again under the same id, the group waits for it and gets its answer. So a group is stored once, whatever happens.
   */
  async #send(args: readonly string[]): Promise<string> {
    const { connection, clock, ids, random } = this.#parts;
    const values = [ids.next(), ...args];
    const started = clock.monotonic();
    for (let tries = 1; ; tries++) {
      try {
        return await connection.commit(this.#call, values);
      } catch (thrown) {
        const away = isAway(thrown);
        if (!away && !isUndone(thrown)) throw thrown;
        const patience = this.#closing ? PATIENCE_CLOSING_MS : PATIENCE_MS;
        if (clock.monotonic() - started > patience) throw away ? unknownOutcome(thrown, this.#store) : thrown;
        await sleep(clock, delayAfter(PAUSE, tries, random) ?? 0);
      }
    }
  }

  get #store(): string {
    return this.#parts.connection.target.shown;
  }

  /** Beside the commits: whether it works is of no consequence to them. */
  #pruneNowAndThen(): void {
    const { connection, clock } = this.#parts;
    const now = clock.monotonic();
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return;
    this.#prunedAt = now;
    connection.rows(this.#prune).catch(() => undefined);
  }
}

function isSettled(planned: PlannedBatch): planned is PlannedBatch & Required<Pick<PlannedBatch, 'refusal'>> {
  return planned.refusal !== undefined && !planned.mayBeKnown;
}
