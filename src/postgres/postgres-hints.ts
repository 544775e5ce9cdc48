import type { Client } from 'pg';
import { type Clock, type Logger, messageOf, type Scheduled } from '../core/index.ts';
import { type Batch, type Hint, touchedNames } from '../storage/index.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import type { PostgresConnection } from './postgres-connection.ts';
import { type HintMessage, type LogStep, messageTexts, readMessage, withStep } from './postgres-hint-message.ts';

/** How often the log is looked at while other processes can say that they committed, and while they cannot. */
const POLL_LISTENING_MS = 1_000;
const POLL_ALONE_MS = 50;
/** How far a poll looks for the types of what it missed; beyond, it may be of any type. */
const POLLED_EVENTS_MAX = 1_000;

interface Parts {
  readonly connection: PostgresConnection;
  readonly catalog: PostgresCatalog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tells this process from others. */
  readonly self: string;
}

/**
 * Tells readers of commits: at once of those of this process; of those of others by NOTIFY, sent after the commit and never
 * in its transaction, and by a look at the log now and then, which also finds what a lost connection kept back.
 */
export class PostgresHints {
  readonly #parts: Parts;
  readonly #listeners = new Set<(hint: Hint) => void>();
  readonly #channel: string;
  #listening: Client | undefined;
  #pollTimer: Scheduled | undefined;
  #polling: Promise<void> = Promise.resolve();
  #telling: Promise<void> | undefined;
  #toTell: { log: LogStep[]; queues: Set<string>; topics: Set<string> } | undefined;
  /** Everything up to this position has been hinted at. */
  #told = 0;
  #lastWork = 0;
  readonly #topicEnds = new Map<string, number>();
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#channel = `millrace_${parts.connection.target.schema}`;
  }

  /** Begins to hear of the commits of other processes. */
  async start(): Promise<void> {
    await this.#look(() => undefined);
    await this.#listen();
    this.#schedulePoll();
  }

  watch(listener: (hint: Hint) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of a group that this process has committed. */
  committed(batches: readonly Batch[], log: { from: number; head: number } | undefined): void {
    const { types, queues, topics } = touchedNames(batches);
    if (log !== undefined && log.head > log.from) this.#passed(log);
    const { from, head } = log ?? { from: this.#told, head: this.#told };
    this.#hint({ from, head, types, queues, topics });
    if (head > from || queues.size > 0 || topics.size > 0) this.#tell({ from, head, types }, queues, topics);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#pollTimer?.cancel();
    await this.#polling;
    await this.#telling;
    await this.#listening?.end().catch(() => undefined);
  }

  #hint(hint: Hint): void {
    for (const listener of this.#listeners) {
      try {
        listener(hint);
      } catch (thrown) {
        this.#parts.logger.error({ err: messageOf(thrown) }, 'a listener failed; the commit stands');
      }
    }
  }

  /** A stretch that begins behind what has been told leaves a gap: the next look at the log tells of it. */
  #passed({ from, head }: { from: number; head: number }): void {
    if (from <= this.#told) this.#told = Math.max(this.#told, head);
  }

  /** Collects what is to be told while the last message is on its way, so that commits never outrun the messages. */
  #tell(
    { from, head, types }: { from: number; head: number; types: ReadonlySet<string> },
    queues: ReadonlySet<string>,
    topics: ReadonlySet<string>,
  ): void {
    this.#toTell ??= { log: [], queues: new Set(), topics: new Set() };
    if (head > from) withStep(this.#toTell.log, { from, head, types: [...types] });
    for (const queue of queues) this.#toTell.queues.add(queue);
    for (const topic of topics) this.#toTell.topics.add(topic);
    this.#telling ??= this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    const { connection, self } = this.#parts;
    while (this.#toTell !== undefined) {
      const { log, queues, topics } = this.#toTell;
      this.#toTell = undefined;
      const texts = messageTexts({ log, queues: [...queues], topics: [...topics] }, self);
      try {
        await connection.rows('SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text', [this.#channel, texts]);
      } catch {
        // The others look by themselves.
      }
    }
    this.#telling = undefined;
  }

  async #listen(): Promise<void> {
    const { connection } = this.#parts;
    if (!connection.target.session || this.#closed) return;
    try {
      const client = await connection.open();
      const lost = (): void => {
        if (this.#listening === client) this.#listening = undefined;
      };
      client.on('end', lost);
      client.on('notification', ({ payload }) => this.#heard(payload ?? ''));
      await client.query(`LISTEN "${this.#channel}"`);
      this.#listening = client;
    } catch (thrown) {
      this.#parts.logger.debug({ err: messageOf(thrown) }, 'hints cannot be listened for; the log is polled');
    }
  }

  #heard(text: string): void {
    const message = readMessage(text, this.#parts.self);
    if (message !== undefined) this.#passOn(message);
  }

  #passOn({ log, queues, topics }: HintMessage): void {
    const given = { queues: new Set(queues), topics: new Set(topics) };
    if (log.length === 0) this.#hint({ from: this.#told, head: this.#told, types: new Set(), ...given });
    for (const { from, head, types } of log) {
      this.#passed({ from, head });
      // Types that are not known here yet would be missing in "any": then the next look at the log tells of them.
      const all = types ?? [...this.#parts.catalog.typeNames];
      this.#hint({ from, head, types: new Set(all), ...given });
    }
  }

  #schedulePoll(): void {
    if (this.#closed) return;
    const pause = this.#listening === undefined ? POLL_ALONE_MS : POLL_LISTENING_MS;
    this.#pollTimer = this.#parts.clock.schedule(pause, () => {
      this.#polling = this.#poll().finally(() => this.#schedulePoll());
    });
  }

  async #poll(): Promise<void> {
    if (this.#listeners.size === 0) return;
    try {
      if (this.#listening === undefined) await this.#listen();
      await this.#look(message => this.#passOn(message));
    } catch {
      // The server is away: the next look finds what this one did not.
    }
  }

  /** Looks for what has been committed since the last look, and was not told of. */
  async #look(found: (message: HintMessage) => void): Promise<void> {
    const { connection } = this.#parts;
    const { schema } = connection;
    const rows = await connection.rows<[head: number, lastWork: number, topics: string | null]>(
      `SELECT (SELECT coalesce(max(position), 0) FROM ${schema}.events), (SELECT coalesce(max(id), 0) FROM ${schema}.work),
         (SELECT json_object_agg(name, written) FROM (
           SELECT t.name, sum(p.end_offset) AS written FROM ${schema}.topics t
           JOIN ${schema}.topic_partitions p ON p.topic = t.id GROUP BY t.name) ends)`,
    );
    const [head, lastWork, topicsText] = rows[0] as [number, number, string | null];
    const queues =
      lastWork > this.#lastWork
        ? await connection.rows<[string]>(`SELECT DISTINCT queue FROM ${schema}.work WHERE id > $1`, [this.#lastWork])
        : [];
    const ends = Object.entries(JSON.parse(topicsText ?? '{}') as Record<string, number>);
    const topics = ends.filter(([name, end]) => end !== (this.#topicEnds.get(name) ?? 0)).map(([name]) => name);
    const from = this.#told;
    const log = head > from ? [{ from, head, types: await this.#typesBetween(from, head) }] : [];
    this.#lastWork = Math.max(lastWork, this.#lastWork);
    for (const [name, end] of ends) this.#topicEnds.set(name, end);
    if (log.length > 0 || queues.length > 0 || topics.length > 0) {
      found({ log, queues: queues.map(([queue]) => queue), topics });
    }
    this.#told = Math.max(this.#told, head);
  }

  async #typesBetween(from: number, head: number): Promise<readonly string[]> {
    const { connection, catalog } = this.#parts;
    if (head - from > POLLED_EVENTS_MAX) {
      await catalog.loadKinds();
      return [...catalog.typeNames];
    }
    const rows = await connection.rows<[string]>(
      `SELECT DISTINCT type FROM ${connection.schema}.kinds WHERE id IN (
         SELECT type FROM ${connection.schema}.events WHERE position > $1 AND position <= $2)`,
      [from, head],
    );
    return rows.map(([name]) => name);
  }
}
