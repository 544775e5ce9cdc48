import { join } from 'node:path';
import { createMillrace, isMillraceError, type Millrace, type Random, seededRandom, verifyLog } from 'millrace';
import { openPostgres } from 'millrace/postgres';
import { openSqlite } from 'millrace/sqlite';
import type { Storage } from 'millrace/storage';
import { afterAll, describe, expect, test } from 'vitest';
import { needsPostgres, startPostgres } from '../postgres/postgres-server.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { LogModel } from './log-model.ts';

const server = needsPostgres.skip === true ? undefined : await startPostgres();
afterAll(() => server?.stop());

const STREAMS = ['order-1', 'order-2', 'cart-1', 'cart-2'];
const TAGS = ['t:1', 't:2', 't:3'];
const STEPS = 60;
let schemas = 0;

/** Where a history takes place, and how it is opened again; a store in memory ends with its process. */
const places: Record<string, () => { open: () => Promise<Storage>; reopens: boolean }> = {
  'SQLite on a file': () => {
    const file = join(temporaryFolder(), 'store.db');
    return { open: () => openSqlite({ file }), reopens: true };
  },
  'SQLite in memory': () => ({ open: () => openSqlite({ file: ':memory:' }), reopens: false }),
  PostgreSQL: () => {
    const url = `${server?.url}?schema=history_${++schemas}&pool=3`;
    return { open: () => openPostgres({ url }), reopens: true };
  },
};

/** An append that can be sent again. */
interface Sent {
  readonly stream: string;
  readonly events: readonly { readonly id: string; readonly n: number; readonly tag: string }[];
  readonly key?: string;
  readonly revision: number;
}

/** Does at random what can be done to a log, in the store and in the model, and compares what both then show. */
class History {
  readonly #random: Random;
  readonly #place: { open: () => Promise<Storage>; reopens: boolean };
  readonly #model = new LogModel();
  readonly #sent: Sent[] = [];
  #storage!: Storage;
  #app!: Millrace;
  #number = 0;

  constructor(random: Random, place: { open: () => Promise<Storage>; reopens: boolean }) {
    this.#random = random;
    this.#place = place;
  }

  async run(): Promise<void> {
    await this.#open();
    const steps = [
      ...Array.from({ length: 8 }, () => () => this.#append()),
      ...[() => this.#repeat(), () => this.#repeat(), () => this.#crash(), () => this.#scavenge()],
      ...[() => this.#change('archive'), () => this.#change('restore'), () => this.#change('restore')],
      ...[() => this.#retain(), () => this.#retainCategory()],
    ];
    for (let step = 0; step < STEPS; step++) {
      await (step % 20 === 19 ? this.#change('tombstone') : this.#pick(steps)());
      await this.#compare();
    }
    await this.#scavenge();
    await this.#compare();
    expect((await verifyLog(this.#storage)).findings).toEqual([]);
    await this.#close();
  }

  async #open(): Promise<void> {
    this.#storage = await this.#place.open();
    this.#app = await createMillrace({ store: this.#storage });
  }

  async #close(): Promise<void> {
    await this.#app.close();
    await this.#storage.close();
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random.uint32() % all.length] as T;
  }

  #events() {
    return Array.from({ length: 1 + (this.#random.uint32() % 3) }, () => {
      const n = ++this.#number;
      return { id: `e-${n}`, n, tag: this.#pick(TAGS) };
    });
  }

  #send({ stream, events, key }: Pick<Sent, 'stream' | 'events' | 'key'>, options = {}) {
    const sent = events.map(({ id, n, tag }) => ({ id, type: 'Noted', data: { n }, tags: [tag] }));
    return this.#app.append(stream, sent, { ...options, ...(key === undefined ? {} : { idempotencyKey: key }) });
  }

  async #append(): Promise<void> {
    const [stream, events] = [this.#pick(STREAMS), this.#events()];
    const last = this.#model.stream(stream).events.length - 1;
    const right = last === -1 ? ('noStream' as const) : last;
    const expected = this.#pick(['any', 'any', right, right, 'exists', 'noStream', last + 1] as const);
    const head = await this.#storage.log.head();
    const rests = this.#pick([undefined, undefined, { tag: this.#pick(TAGS), after: this.#pick([0, head, head]) }]);
    const condition = rests && { query: [{ tags: [rests.tag] }], after: rests.after };
    const key = this.#pick([undefined, `key-${this.#number}`]);
    const sent = { stream, events, ...(key === undefined ? {} : { key }) };
    const codes = this.#model.refusals(stream, expected, rests);
    const sending = this.#send(sent, { expected, ...(condition === undefined ? {} : { condition }) });
    const outcome = await outcomeOf(sending);
    if (codes.size > 0) return expect([...codes]).toContain(outcome.code);
    expect(outcome.code).toBeUndefined();
    this.#landed(sent, outcome.ok as Awaited<typeof sending>);
  }

  #landed(sent: Omit<Sent, 'revision'>, { revision, position }: { revision: number; position: number }): void {
    this.#model.append(sent.stream, position, sent.events);
    expect(revision).toBe(this.#model.stream(sent.stream).events.length - 1);
    this.#sent.push({ ...sent, revision });
  }

  /** What is sent again changes nothing, whatever has become of its stream; what is sent under a name that is taken is refused. */
  async #repeat(): Promise<void> {
    if (this.#sent.length === 0) return;
    const sent = this.#pick(this.#sent);
    expect(await this.#send(sent, { expected: 'noStream' })).toMatchObject({ replayed: true, revision: sent.revision });
    const other = sent.events.map(event => ({ ...event, n: -1 }));
    const { code } = await outcomeOf(this.#send({ stream: sent.stream, events: other }));
    expect(code).toBe('EVENT_ID_REUSED');
    if (sent.key === undefined) return;
    const reused = await outcomeOf(this.#send({ ...sent, events: this.#events() }));
    expect(reused.code).toBe('IDEMPOTENCY_KEY_REUSED');
  }

  /** Closes with an append on its way, opens again, and sends it again: it stands once. */
  async #crash(): Promise<void> {
    if (!this.#place.reopens) return;
    const sent = { stream: this.#pick(STREAMS), events: this.#events() };
    const codes = this.#model.refusals(sent.stream, 'any');
    const sending = outcomeOf(this.#send(sent));
    await this.#storage.close();
    await sending;
    await this.#app.close();
    await this.#open();
    const again = await outcomeOf(this.#send(sent));
    if (codes.size > 0) return expect([...codes]).toContain(again.code);
    expect(again.code).toBeUndefined();
    this.#landed(sent, again.ok as { revision: number; position: number });
  }

  async #change(op: 'archive' | 'restore' | 'tombstone'): Promise<void> {
    const stream = this.#pick(STREAMS);
    const known = this.#model.stream(stream);
    const state = { archive: 'archived', restore: 'active', tombstone: 'tombstoned' }[op] as typeof known.state;
    const { code } = await outcomeOf(this.#app.streams[op](stream));
    if (known.events.length === 0) return expect(code).toBe('NOT_FOUND');
    if (known.state === 'tombstoned' && op !== 'tombstone') return expect(code).toBe('STREAM_TOMBSTONED');
    expect(code).toBeUndefined();
    known.state = state;
  }

  async #retain(): Promise<void> {
    const stream = this.#pick(STREAMS);
    const known = this.#model.stream(stream);
    const maxCount = this.#pick([null, 1, 2, 5]);
    const { code } = await outcomeOf(this.#app.streams.setRetention(stream, { maxCount }));
    if (known.events.length === 0) return expect(code).toBe('NOT_FOUND');
    if (known.state === 'tombstoned') return expect(code).toBe('STREAM_TOMBSTONED');
    expect(code).toBeUndefined();
    known.maxCount = maxCount;
  }

  async #retainCategory(): Promise<void> {
    const [category, maxCount] = [this.#pick(['order', 'cart']), this.#pick([null, 3, 8])];
    await this.#app.streams.setCategoryRetention(category, { maxCount });
    this.#model.categories.set(category, maxCount);
  }

  async #scavenge(): Promise<void> {
    const planned = await this.#app.scavenge({ dryRun: true });
    const expected = this.#model.scavenge();
    expect(planned.events).toBe(expected);
    expect(await this.#app.scavenge()).toEqual(planned);
  }

  async #compare(): Promise<void> {
    for (const stream of STREAMS) {
      for (const includeDeleted of [false, true]) {
        const visible = this.#model.visible(stream, includeDeleted);
        for (const direction of ['forward', 'backward'] as const) {
          const { ok, code } = await outcomeOf(this.#app.events.readStream(stream, { includeDeleted, direction }));
          if (visible === undefined) expect(code).toBe('STREAM_TOMBSTONED');
          else expect(ok?.map(seen)).toEqual(ordered(visible, direction).map(shown));
        }
      }
    }
    const filter = { types: ['Noted'] };
    const { events } = await this.#app.events.readLog({ after: 0, limit: 10_000, filter });
    expect(events.map(seen)).toEqual(this.#model.events.filter(({ empty }) => !empty).map(shown));
    const tagged = await this.#app.events.readLog({ after: 0, limit: 10_000, filter: { tags: ['t:1'] } });
    const wanted = this.#model.events.filter(({ tag, empty }) => tag === 't:1' && !empty);
    expect(tagged.events.map(seen)).toEqual(wanted.map(shown));
    const listed = (await this.#app.streams.list({ includeDeleted: true })).streams;
    const there = STREAMS.filter(stream => this.#model.stream(stream).events.length > 0).toSorted();
    expect(listed.map(({ stream, state, revision }) => [stream, state, revision])).toEqual(
      there.map(stream => {
        const { state, events: all } = this.#model.stream(stream);
        return [stream, state, all.length - 1];
      }),
    );
  }
}

type Shown = readonly [position: number, revision: number, id: string, n: number];

function seen(event: { position: number; revision: number; id: string; data: unknown }): Shown {
  return [event.position, event.revision, event.id, (event.data as { n: number }).n];
}

function shown({ position, revision, id, n }: { position: number; revision: number; id: string; n: number }): Shown {
  return [position, revision, id, n];
}

function ordered<T>(all: readonly T[], direction: 'forward' | 'backward'): readonly T[] {
  return direction === 'backward' ? all.toReversed() : all;
}

async function outcomeOf<T>(call: Promise<T>): Promise<{ ok?: T; code?: string }> {
  try {
    return { ok: await call };
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
    return { code: thrown.code };
  }
}

describe.each(Object.keys(places))('random histories on %s', name => {
  const skip = name === 'PostgreSQL' && server === undefined;

  test('show what the model shows', { skip, timeout: 3_600_000 }, async () => {
    const chosen = seed();
    const runs = runCount(name === 'SQLite in memory' ? 3 : 1, 200);
    for (let run = 0; run < runs; run++) {
      const mine = (chosen + run) % 2 ** 31;
      try {
        await new History(seededRandom(mine), (places[name] as (typeof places)[string])()).run();
      } catch (cause) {
        throw new Error(`The history of seed ${mine} differs: npm test -- --seed ${mine} --runs 1`, { cause });
      }
    }
  });
});
