import type { Database, Statement } from 'better-sqlite3';

/** A type of event in a category of streams; without a category, a type in whichever has no kind of its own. */
export interface EventKind {
  readonly id: number;
  readonly type: string;
  readonly category: string | null;
}

/**
 * How many categories have kinds of their own for one type; further ones share a kind. Streams whose names do not begin with
 * a category, such as bare UUIDs, would otherwise make a kind each.
 */
const CATEGORIES_PER_TYPE_MAX = 32;

/** The kinds that a reader knows: rows are added and never changed, so that it only has to look for newer ones. */
export class SqliteEventKinds {
  readonly #newer: Statement<[number], EventKind>;
  readonly #kinds: EventKind[] = [];
  readonly #types: string[] = [];

  constructor(database: Database) {
    this.#newer = database.prepare('SELECT id, type, category FROM kinds WHERE id > ? ORDER BY id');
  }

  /** The type of a kind. */
  typeOf(id: number): string {
    if (this.#types[id] === undefined) this.#refresh();
    return this.#types[id] as string;
  }

  /** The kinds of all that is in the log now that are wanted. */
  select(wanted: (kind: EventKind) => boolean): EventKind[] {
    this.#refresh();
    return this.#kinds.filter(wanted);
  }

  #refresh(): void {
    for (const kind of this.#newer.all(this.#kinds.at(-1)?.id ?? 0)) {
      this.#kinds.push(kind);
      this.#types[kind.id] = kind.type;
    }
  }
}

/** Gives types in categories their kinds. Belongs to the one writer of a file. */
export class SqliteKindWriter {
  readonly #all: Statement<[], EventKind>;
  readonly #insert: Statement<[string, string | null]>;
  readonly #kinds = new Map<string, Map<string | null, number>>();

  constructor(database: Database) {
    this.#all = database.prepare('SELECT id, type, category FROM kinds');
    this.#insert = database.prepare('INSERT INTO kinds (type, category) VALUES (?, ?)');
    this.forget();
  }

  /** Drops what is remembered and reads it anew. */
  forget(): void {
    this.#kinds.clear();
    for (const { id, type, category } of this.#all.all()) this.#categoriesOf(type).set(category, id);
  }

  /** The kind of a type in a category; made when there is none. */
  idOf(type: string, category: string): number {
    const categories = this.#categoriesOf(type);
    const known = categories.get(category);
    if (known !== undefined) return known;
    const own = categories.size < CATEGORIES_PER_TYPE_MAX ? category : null;
    let id = categories.get(own);
    if (id === undefined) {
      id = this.#insert.run(type, own).lastInsertRowid as number;
      categories.set(own, id);
    }
    return id;
  }

  /** The kinds of types that there are. */
  ofTypes(types: readonly string[]): number[] {
    return types.flatMap(type => [...(this.#kinds.get(type)?.values() ?? [])]);
  }

  #categoriesOf(type: string): Map<string | null, number> {
    let categories = this.#kinds.get(type);
    if (categories === undefined) {
      categories = new Map();
      this.#kinds.set(type, categories);
    }
    return categories;
  }
}
