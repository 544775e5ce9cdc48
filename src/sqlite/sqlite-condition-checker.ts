import type { Database, Statement } from 'better-sqlite3';
import { type AppendCondition, type ConflictingEvent, conditionConflict, type EventQuery } from '../storage/index.ts';
import type { SqliteKindWriter } from './sqlite-event-kinds.ts';
import { eventsSelected } from './sqlite-event-walk.ts';

/** How many of the events that a condition forbids are named in its error. */
const CONFLICTING_SHOWN_MAX = 20;
/** Statements differ by how many types and tags a query names. */
const STATEMENTS_MAX = 200;

/** Checks conditions on what may not stand in the log. Belongs to the one writer of a file. */
export class SqliteConditionChecker {
  readonly #database: Database;
  readonly #kinds: SqliteKindWriter;
  readonly #statements = new Map<string, Statement<unknown[], ConflictingEvent>>();

  constructor(database: Database, kinds: SqliteKindWriter) {
    this.#database = database;
    this.#kinds = kinds;
  }

  /** Throws `CONDITION_CONFLICT` when an event stands in the log, up to its head, that a condition forbids. */
  check(conditions: readonly AppendCondition[], head: number): void {
    for (const condition of conditions) {
      const { query, after } = condition;
      // Most often nothing has come since the decision was made, and nothing has to be looked for.
      if (after >= head) continue;
      const found = new Map<number, ConflictingEvent>();
      for (const item of query) for (const event of this.#find(item, after, head)) found.set(event.position, event);
      if (found.size === 0) continue;
      const inOrder = [...found.values()].sort((one, other) => one.position - other.position);
      throw conditionConflict(condition, inOrder.slice(0, CONFLICTING_SHOWN_MAX));
    }
  }

  #find({ types, tags = [] }: EventQuery, after: number, head: number): readonly ConflictingEvent[] {
    const kinds = types === undefined ? undefined : this.#kinds.ofTypes(types);
    if (kinds?.length === 0) return [];
    const part = { tags, ...(kinds === undefined ? {} : { kinds }) };
    const { sql, values } = eventsSelected({ parts: [part] }, { after, through: head });
    return this.#statement(sql).all(...values, CONFLICTING_SHOWN_MAX);
  }

  #statement(selected: string): Statement<unknown[], ConflictingEvent> {
    let statement = this.#statements.get(selected);
    if (statement === undefined) {
      const type = '(SELECT k.type FROM kinds k WHERE k.id = e.type)';
      statement = this.#database.prepare<unknown[], ConflictingEvent>(
        `SELECT ${type} AS type, e.position, s.name AS stream, e.revision ${selected} LIMIT ?`,
      );
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
      this.#statements.set(selected, statement);
    }
    return statement;
  }
}
