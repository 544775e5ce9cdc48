import type { Database, Statement } from 'better-sqlite3';
import type { ErrorData } from '../core/index.ts';
import {
  type ClaimedWork,
  errorText,
  itemLost,
  keyTaken,
  notParked,
  type WorkItem,
  type WorkState,
  type WorkWrite,
} from '../storage/index.ts';
import type { SqliteLeases } from './sqlite-leases.ts';

/** A row of the table, as a statement returns it. */
export interface WorkRow {
  readonly queue: string;
  readonly key: string;
  readonly state: WorkState;
  readonly payload: string;
  readonly due_at: number;
  readonly attempts: number;
  readonly error: string | null;
  readonly created_at: number;
  readonly settled_at: number | null;
}

/** The columns of an item. */
export const WORK_COLUMNS = 'queue, key, state, payload, due_at, attempts, error, created_at, settled_at';

/** Checks and writes work, and gives out the leases on it. */
export class SqliteWorkWriter {
  readonly #leases: SqliteLeases;
  readonly #stateOf: Statement<[string, string], WorkState>;
  readonly #due: Statement<[string, number, number], [key: string, dueAt: number]>;
  readonly #row: Statement<[string, string], WorkRow>;
  readonly #insert: Statement<unknown[]>;
  readonly #delete: Statement<[string, string]>;
  readonly #settle: Statement<[WorkState, string | null, number, string, string]>;
  readonly #reschedule: Statement<[number, string, string]>;
  readonly #fail: Statement<[number, string, string, string]>;
  readonly #redrive: Statement<[number, string, string]>;
  readonly #purge: Statement<[string, number, number]>;

  constructor(database: Database, leases: SqliteLeases) {
    this.#leases = leases;
    this.#stateOf = database
      .prepare<[string, string], WorkState>('SELECT state FROM work WHERE queue = ? AND key = ?')
      .pluck();
    this.#due = database
      .prepare<[string, number, number], [key: string, dueAt: number]>(
        `SELECT key, due_at FROM work WHERE queue = ? AND state = 'ready' AND due_at <= ? ORDER BY due_at, id LIMIT ?`,
      )
      .raw();
    this.#row = database.prepare(`SELECT ${WORK_COLUMNS} FROM work WHERE queue = ? AND key = ?`);
    this.#insert = database.prepare(`INSERT INTO work (${WORK_COLUMNS}) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)`);
    this.#delete = database.prepare('DELETE FROM work WHERE queue = ? AND key = ?');
    this.#settle = database.prepare(
      'UPDATE work SET state = ?, error = coalesce(?, error), settled_at = ? WHERE queue = ? AND key = ?',
    );
    this.#reschedule = database.prepare('UPDATE work SET due_at = ? WHERE queue = ? AND key = ?');
    this.#fail = database.prepare(
      'UPDATE work SET due_at = ?, error = ?, attempts = attempts + 1 WHERE queue = ? AND key = ?',
    );
    this.#redrive = database.prepare(
      `UPDATE work SET state = 'ready', due_at = ?, attempts = 0, settled_at = NULL WHERE queue = ? AND key = ?`,
    );
    this.#purge = database.prepare(
      `DELETE FROM work WHERE id IN (
         SELECT id FROM work INDEXED BY work_settled
         WHERE queue = ? AND state = 'done' AND state <> 'ready' AND settled_at < ? LIMIT ?)`,
    );
  }

  /** Claims due items that nobody holds. */
  claim(queue: string, limit: number, times: { wall: number; now: number; leaseMs: number }): ClaimedWork[] {
    const claimed: ClaimedWork[] = [];
    // Held items are still in the index of due ones, so as many more rows are read as may have to be passed over.
    const due = this.#due.all(queue, times.wall, limit + this.#leases.count(scopeOf(queue)));
    for (const [key] of due) {
      if (claimed.length === limit) break;
      const lease = this.#leases.take(scopeOf(queue), key, { now: times.now, leaseMs: times.leaseMs });
      if (lease === undefined) continue;
      claimed.push({ ...workItem(this.#row.get(queue, key) as WorkRow), fence: lease.fence });
    }
    return claimed;
  }

  /** Extends leases; returns the keys that were lost. */
  renew(
    queue: string,
    items: readonly { key: string; fence: number }[],
    now: number,
    leaseMs: number,
  ): readonly string[] {
    return items
      .filter(({ key, fence }) => !this.#leases.renew(scopeOf(queue), key, fence, now, leaseMs))
      .map(({ key }) => key);
  }

  /** Gives leases back. */
  release(queue: string, items: readonly { key: string; fence: number }[]): void {
    for (const { key, fence } of items) {
      if (this.#leases.holds(scopeOf(queue), key, fence)) this.#leases.end(scopeOf(queue), key);
    }
  }

  /** When the next item that nobody holds is due. */
  nextDue(queue: string, now: number): number | undefined {
    const due = this.#due.all(queue, Number.MAX_SAFE_INTEGER, 1 + this.#leases.count(scopeOf(queue)));
    return due.find(([key]) => !this.#leases.isHeld(scopeOf(queue), key, now))?.[1];
  }

  /** Throws `WORK_KEY_TAKEN`, `WORK_NOT_FOUND` or `LEASE_LOST` when a write may not be made. */
  check(writes: readonly WorkWrite[]): void {
    const enqueued = writes.length > 1 ? new Set<string>() : undefined;
    for (const write of writes) {
      if (write.op === 'purge' || write.op === 'cancel') continue;
      const { queue, key } = write;
      const state = this.#stateOf.get(queue, key);
      if (write.op === 'enqueue') {
        const name = `${queue}\n${key}`;
        if (state !== undefined || enqueued?.has(name)) throw keyTaken(write, state ?? 'ready');
        enqueued?.add(name);
      } else if (write.op === 'redrive') {
        if (state !== 'parked') throw notParked(write, state ?? null);
      } else if (state !== 'ready' || !this.#leases.holds(scopeOf(queue), key, write.fence)) {
        throw itemLost(write);
      }
    }
  }

  /** Makes the writes after all checks have passed; returns what puts ended leases back if the commit fails after all. */
  write(writes: readonly WorkWrite[], now: number): (() => void)[] {
    const undo: (() => void)[] = [];
    for (const write of writes) {
      if (write.op === 'hold') continue;
      if (write.op === 'purge') {
        this.#purge.run(write.queue, write.doneBefore, write.limit);
        continue;
      }
      this.#writeItem(write, now);
      if (write.op === 'enqueue' || write.op === 'redrive') continue;
      const restore = this.#leases.end(scopeOf(write.queue), write.key);
      if (restore !== undefined) undo.push(restore);
    }
    return undo;
  }

  #writeItem(write: Exclude<WorkWrite, { op: 'purge' | 'hold' }>, now: number): void {
    const { queue, key } = write;
    switch (write.op) {
      case 'enqueue': {
        const parked = write.parked;
        const state = parked === undefined ? 'ready' : 'parked';
        const settledAt = parked === undefined ? null : now;
        this.#insert.run(queue, key, state, write.payload, write.dueAt, errorText(parked), now, settledAt);
        return;
      }
      case 'complete':
        if (write.keep) this.#settle.run('done', null, now, queue, key);
        else this.#delete.run(queue, key);
        return;
      case 'retry':
        if (write.error === undefined) this.#reschedule.run(write.dueAt, queue, key);
        else this.#fail.run(write.dueAt, JSON.stringify(write.error), queue, key);
        return;
      case 'park':
        this.#settle.run('parked', JSON.stringify(write.error), now, queue, key);
        return;
      case 'redrive':
        this.#redrive.run(write.dueAt, queue, key);
        return;
      case 'cancel':
        this.#delete.run(queue, key);
    }
  }
}

/** The item that a row holds. */
export function workItem(row: WorkRow): WorkItem {
  return {
    queue: row.queue,
    key: row.key,
    state: row.state,
    payload: row.payload,
    dueAt: row.due_at,
    attempts: row.attempts,
    error: row.error === null ? null : (JSON.parse(row.error) as ErrorData),
    createdAt: row.created_at,
    settledAt: row.settled_at,
  };
}

function scopeOf(queue: string): string {
  return `work:${queue}`;
}
