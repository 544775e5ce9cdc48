import type { Database, Statement } from 'better-sqlite3';
import { type CursorHolder, type CursorLease, type CursorMove, cursorElsewhere, cursorLost } from '../storage/index.ts';
import type { SqliteLeases } from './sqlite-leases.ts';

/** Who wants which cursors, and for how long. */
export interface CursorRequest {
  readonly processor: string;
  readonly partitions: readonly number[];
  readonly owner: string;
  readonly leaseMs: number;
}

/** Checks and moves cursors, and gives out the leases on them. */
export class SqliteCursorWriter {
  readonly #leases: SqliteLeases;
  readonly #find: Statement<[string, number], string>;
  readonly #move: Statement<[string, number, string, number]>;

  constructor(database: Database, leases: SqliteLeases) {
    this.#leases = leases;
    this.#find = database
      .prepare<[string, number], string>('SELECT checkpoint FROM cursors WHERE processor = ? AND partition = ?')
      .pluck();
    this.#move = database.prepare(
      `INSERT INTO cursors (processor, partition, checkpoint, moved_at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint, moved_at = excluded.moved_at`,
    );
  }

  /** Takes the partitions that are free, or held by the same owner: it asks again when it did not learn of its fence. */
  acquire({ processor, partitions, owner, leaseMs }: CursorRequest, now: number): CursorLease[] {
    const taken: CursorLease[] = [];
    for (const partition of partitions) {
      const lease = this.#leases.take(scopeOf(processor), String(partition), { now, leaseMs, owner });
      if (lease === undefined) continue;
      taken.push({ processor, partition, checkpoint: this.#checkpoint(processor, partition), fence: lease.fence });
    }
    return taken;
  }

  /** Who holds which partitions of a processor. */
  holders(processor: string, now: number): CursorHolder[] {
    const running = this.#leases.running(scopeOf(processor), now);
    const holders = running.map(([partition, { owner = '' }]) => ({ partition: Number(partition), owner }));
    return holders.sort((one, other) => one.partition - other.partition);
  }

  /** Extends a lease; false when it was lost. */
  renew({ processor, partition, fence }: CursorLease, now: number, leaseMs: number): boolean {
    return this.#leases.renew(scopeOf(processor), String(partition), fence, now, leaseMs);
  }

  /** Gives a lease back. */
  release({ processor, partition, fence }: CursorLease): void {
    if (this.#leases.holds(scopeOf(processor), String(partition), fence)) {
      this.#leases.end(scopeOf(processor), String(partition));
    }
  }

  /** Throws `LEASE_LOST` or `CHECKPOINT_CONFLICT` when a move may not be made. */
  check(moves: readonly CursorMove[]): void {
    for (const move of moves) {
      const { processor, partition, fence, from } = move;
      if (!this.#leases.holds(scopeOf(processor), String(partition), fence)) throw cursorLost(move);
      const actual = this.#checkpoint(processor, partition);
      if (actual !== from) throw cursorElsewhere(move, actual);
    }
  }

  /** Moves cursors after all checks have passed. */
  write(moves: readonly CursorMove[], now: number): void {
    for (const { processor, partition, to } of moves) this.#move.run(processor, partition, to, now);
  }

  #checkpoint(processor: string, partition: number): string | null {
    return this.#find.get(processor, partition) ?? null;
  }
}

function scopeOf(processor: string): string {
  return `cursor:${processor}`;
}
