import { type Gauge, MillraceError, type Telemetry } from '../core/index.ts';
import type { LogReader, StoredSchemaVersion } from '../storage/index.ts';
import type { AnyEvent } from './event-definition.ts';

/** A type of stored events that the app cannot make sense of, and the versions in question. */
export interface StoredSchema {
  readonly type: string;
  readonly versions: readonly number[];
}

/** What the store holds and the app does not know. */
export interface StoredSchemasStatus {
  /** Types that the app does not define: nothing handles them, and reading gives them as they were stored. */
  readonly unknown: readonly StoredSchema[];
  /** Defined types in versions that the app has no way to read: a newer program has written them since the start. */
  readonly unreadable: readonly StoredSchema[];
}

/** Compares what is stored with what an app defines: at its start, and again with every collection of metrics. */
export class StoredSchemas {
  readonly #log: LogReader;
  readonly #definitions: ReadonlyMap<string, AnyEvent>;
  readonly #telemetry: Telemetry;
  readonly #types: Gauge;
  readonly #reported = new Set<string>();
  #status: StoredSchemasStatus = { unknown: [], unreadable: [] };

  constructor(parts: { log: LogReader; definitions: readonly AnyEvent[]; telemetry: Telemetry }) {
    this.#log = parts.log;
    this.#definitions = new Map(parts.definitions.map(definition => [definition.type, definition]));
    this.#telemetry = parts.telemetry;
    const { metrics } = parts.telemetry;
    this.#types = metrics.gauge({
      name: 'millrace_stored_schemas_not_understood',
      help: 'Types of stored events that the app does not define (unknown) or has no upcasters for (unreadable).',
      labels: ['reason'],
    });
    // A storage that is away for the moment is reported by those that work on it.
    metrics.beforeCollect(() => this.#refresh().catch(() => undefined));
  }

  /** What the last look found. */
  status(): StoredSchemasStatus {
    return this.#status;
  }

  /**
   * Refuses to go on with a store of which events could not be read: throws `UNKNOWN_EVENT_VERSION` with every such type.
   * Types that the app does not define are reported and stand in nobody's way.
   */
  async check(): Promise<void> {
    await this.#refresh();
    const { unreadable } = this.#status;
    if (unreadable.length === 0) return;
    const list = unreadable.map(({ type, versions }) => {
      const known = this.#definitions.get(type)?.version;
      return `${type} in version ${versions.join(', ')} (this app reads versions 1 to ${known})`;
    });
    throw new MillraceError(
      'UNKNOWN_EVENT_VERSION',
      `The store holds events that this app has no way to read: ${list.join('; ')}. Nothing was started: run the program that wrote them, or define the newer version with its upcasters.`,
      { details: { unreadable } },
    );
  }

  async #refresh(): Promise<void> {
    const stored = await this.#log.schemaVersions();
    const unknown = byType(stored.filter(({ type }) => !this.#definitions.has(type)));
    const unreadable = byType(stored.filter(version => this.#isUnreadable(version)));
    this.#status = { unknown, unreadable };
    this.#types.set(unknown.length, { reason: 'unknown' });
    this.#types.set(unreadable.length, { reason: 'unreadable' });
    this.#report('unknown', unknown, 'the store holds events of types that the app does not define');
    this.#report('unreadable', unreadable, 'the store holds events in versions that the app has no way to read');
  }

  #isUnreadable({ type, schemaVersion }: StoredSchemaVersion): boolean {
    const definition = this.#definitions.get(type);
    return definition !== undefined && (schemaVersion > definition.version || schemaVersion < 1);
  }

  /** Says each finding once: metrics are collected every few seconds. */
  #report(reason: string, found: readonly StoredSchema[], message: string): void {
    const news = found.filter(type => !this.#reported.has(JSON.stringify([reason, type])));
    if (news.length === 0) return;
    for (const type of news) this.#reported.add(JSON.stringify([reason, type]));
    this.#telemetry.logger.warn({ types: news }, message);
  }
}

function byType(stored: readonly StoredSchemaVersion[]): StoredSchema[] {
  const types = new Map<string, number[]>();
  for (const { type, schemaVersion } of stored) types.set(type, [...(types.get(type) ?? []), schemaVersion]);
  return [...types].map(([type, versions]) => ({ type, versions }));
}
