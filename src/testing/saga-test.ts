import { type Duration, MillraceError, milliseconds, type Random, seededRandom } from '../core/index.ts';
import { type Saga, SagaEngine, type SagaEventType, type SagaStatus, type SagaView } from '../sagas/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import type { Batch, Storage } from '../storage/index.ts';
import type { AnyEvent, EventStore, KeyProvider, NewEvent } from '../store/index.ts';
import { type CommitFault, type FaultyStorage, faultyStorage } from './faulty-storage.ts';
import { createTestEnvironment } from './test-environment.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What sagas are tested with. */
export interface SagaTestOptions {
  readonly sagas: readonly Saga<never>[];
  /** What their steps are given. Keeps its effects through crashes, as the world does. */
  readonly services?: unknown;
  /** The event types that start sagas, that they wait for, and that their entities append. */
  readonly events?: readonly AnyEvent[];
  /** Repeats chance. Default: 1. */
  readonly seed?: number;
  /** Default: a store in memory. */
  readonly storage?: Storage;
  readonly keys?: KeyProvider;
  /** Faults of commits, by their number from 1; see `crashAtEveryPoint`. */
  readonly faultAt?: ReadonlyMap<number, CommitFault>;
}

/** A place in the life of a saga: the commit of a fact of this type, and of this step if one is named. */
export interface SagaPoint {
  readonly event: SagaEventType;
  readonly step?: string;
}

/** One process, from its start to its crash. */
interface Life {
  readonly engine: SagaEngine;
  readonly events: EventStore;
  readonly faulty: FaultyStorage;
}

const SETTLED: readonly SagaStatus[] = [
  'COMPLETED',
  'COMPENSATED',
  'CANCELLED',
  'FAILED',
  'COMPENSATION_FAILED',
  'PARKED',
];
/** After this time nothing that a crashed process held is its own any more. */
const LEASE_MS = 10_000;
/** From here on something is due that only an event can bring about. */
const NEVER = Date.UTC(9999, 0);
/** How far a test looks into the future by itself. */
const VIRTUAL_LIMIT_MS = 10 * 365 * 86_400_000;
/** A test in which a process never gets on has gone wrong. */
const LIVES_MAX = 1_000;

/**
 * Sagas under test: a real engine on a real store in memory, and a clock that skips the time in which nothing happens, so that months
 * pass in a moment. Its process can be made to crash at any point, and is then started again by itself, as by a supervisor.
 *
 * @example
 * const test = await SagaTest.start({ sagas: [fulfilment], services, events: [OrderPlaced] });
 * test.crashAfter({ event: 'SagaStepCompleted', step: 'reserve' });
 * await test.begin('fulfilment', '42', input);
 * const saga = await test.untilSettled('fulfilment', '42');
 * expectCompensated(saga, ['charge', 'reserve']);
 * await test.end();
 */
export class SagaTest {
  readonly clock: VirtualClock;
  readonly #options: SagaTestOptions;
  readonly #storage: Storage;
  readonly #crashPoints: { readonly point: SagaPoint; readonly fault: CommitFault }[] = [];
  readonly #random: Random;
  #life: Life;
  #lives = 0;
  #commits = 0;

  private constructor(options: SagaTestOptions, clock: VirtualClock, storage: Storage) {
    this.#options = options;
    this.clock = clock;
    this.#storage = storage;
    this.#random = seededRandom(options.seed ?? 1);
    this.#life = undefined as never;
  }

  /** Starts the sagas' process. */
  static async start(options: SagaTestOptions): Promise<SagaTest> {
    const clock = new VirtualClock();
    const storage = options.storage ?? (await openSqlite({ file: ':memory:', clock }));
    const test = new SagaTest(options, clock, storage);
    await test.#startLife();
    await test.#survive();
    return test;
  }

  /** The engine of the process that is alive now. */
  get engine(): SagaEngine {
    return this.#life.engine;
  }

  /** The events of the store, as the process that is alive now reads them. */
  get events(): EventStore {
    return this.#life.events;
  }

  /** How many times the process was started. */
  get lives(): number {
    return this.#lives;
  }

  /** How many commits have been asked for, over all lives. */
  get commits(): number {
    return this.#commits;
  }

  /** Lets the process crash right after the next commit of a fact. */
  crashAfter(point: SagaPoint): void {
    this.#crashPoints.push({ point, fault: 'crash-after' });
  }

  /** Lets the process crash right before the next commit of a fact: what it did is done, and not recorded. */
  crashBefore(point: SagaPoint): void {
    this.#crashPoints.push({ point, fault: 'crash-before' });
  }

  /** Begins a saga by command; after a crash, once more, as a caller would that got no answer. */
  async begin(type: string, id: string, input: unknown): Promise<void> {
    await this.#insist(({ engine }) => engine.begin(type, id, input));
  }

  /** Appends events to a stream; after a crash, once more under the same ids. */
  async append(stream: string, events: readonly NewEvent[]): Promise<void> {
    const named = events.map(event => ({
      ...event,
      id: event.id ?? `test-${this.#random.uint32()}-${this.#random.uint32()}`,
    }));
    await this.#insist(life => life.events.append(stream, named));
  }

  /**
   * Appends events each to a stream, in an order that the seed chooses, and some of them twice under other ids: what comes from a sender
   * that gives no order and repeats what was not acknowledged.
   */
  async appendInDisorder(messages: readonly { readonly stream: string; readonly event: NewEvent }[]): Promise<void> {
    const left = messages.flatMap(message => (this.#random.uint32() % 2 === 0 ? [message] : [message, message]));
    while (left.length > 0) {
      const [chosen] = left.splice(this.#random.uint32() % left.length, 1);
      if (chosen !== undefined) await this.append(chosen.stream, [chosen.event]);
    }
  }

  /** Does something with the engine; after a crash, once more. */
  async operate<Result>(act: (engine: SagaEngine) => Promise<Result>): Promise<Result> {
    return this.#insist(({ engine }) => act(engine));
  }

  /** A saga as it stands. */
  async get(type: string, id: string): Promise<SagaView> {
    return this.#insist(({ engine }) => engine.get(type, id));
  }

  /** Lets time pass; that in which nothing happens is skipped. */
  async advance(duration: Duration): Promise<void> {
    const end = this.clock.now() + milliseconds(duration);
    while (this.clock.now() < end) {
      await this.clock.advance(Math.min(end - this.clock.now(), LEASE_MS));
      if (!(await this.#survive())) await this.#skipIdle(end);
    }
  }

  /** Skips time until a saga has ended or waits for a person. Throws when nothing more will happen by itself, as when it waits for an event. */
  async untilSettled(type: string, id: string): Promise<SagaView> {
    return this.until(type, id, ({ status }) => SETTLED.includes(status));
  }

  /** Skips time until a saga waits for an event and for nothing else. */
  async untilWaiting(type: string, id: string, event: AnyEvent): Promise<SagaView> {
    return this.until(type, id, ({ status, waitingFor }) => status === 'WAITING' && waitingFor === event.type);
  }

  /** Skips time until a saga is as it is wanted. Throws when it is not, and nothing more will happen by itself. */
  async until(type: string, id: string, isSo: (saga: SagaView) => boolean): Promise<SagaView> {
    const limit = this.clock.now() + VIRTUAL_LIMIT_MS;
    for (;;) {
      const end = this.clock.now() + LEASE_MS;
      let found: SagaView | undefined;
      await this.clock.runUntil(async () => {
        if (this.#life.faulty.crashed) return true;
        found = await this.#life.engine.get(type, id).catch(() => undefined);
        return (found !== undefined && isSo(found)) || this.clock.now() >= end;
      });
      if (await this.#survive()) continue;
      if (found !== undefined && isSo(found)) return found;
      const skipped = await this.#skipIdle(limit);
      if (skipped === 'nothing to come' || this.clock.now() >= limit) {
        const where = found === undefined ? 'is not there' : `is ${found.status} at ${found.step ?? 'no step'}`;
        throw new Error(`Saga ${type} ${id} ${where}, and nothing more will happen by itself.`);
      }
    }
  }

  /** Ends the process and the store. */
  async end(): Promise<void> {
    await this.clock.resolve(this.#life.engine.stop());
    if (this.#options.storage === undefined) await this.#storage.close();
  }

  /** Makes a call until a process lives long enough to answer it. */
  async #insist<Result>(call: (life: Life) => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        const result = await this.clock.resolve(call(this.#life));
        if (!(await this.#survive())) return result;
      } catch (thrown) {
        const isLost = thrown instanceof MillraceError && thrown.code === 'STORAGE_UNAVAILABLE';
        if (!(await this.#survive()) && !isLost) throw thrown;
      }
    }
  }

  /**
   * Skips to when the next thing is due, or to an end before that. What a process does all the time, as looking whether there is
   * anything to do, is left out by ending it meanwhile.
   */
  async #skipIdle(end: number): Promise<'skipped' | 'busy' | 'nothing to come'> {
    const { engine } = this.#life;
    const queues = [...new Set(this.#options.sagas.map(({ type }) => `saga:${type}`))];
    const dues = await Promise.all(queues.map(queue => this.#nextDue(queue)));
    const counts = Object.values(await engine.counts());
    if (counts.some(({ RUNNING = 0, COMPENSATING = 0 }) => RUNNING + COMPENSATING > 0)) return 'busy';
    const due = Math.min(...dues);
    const to = Math.min(due, end) - LEASE_MS;
    if (to <= this.clock.now()) return 'busy';
    if (due >= NEVER) return 'nothing to come';
    await this.clock.resolve(engine.stop());
    await this.clock.advance(to - this.clock.now());
    this.#lives--;
    await this.#startLife();
    await this.#survive();
    return 'skipped';
  }

  /** When the next item of a queue is due: now, when one is being worked on. */
  async #nextDue(queue: string): Promise<number> {
    const { work } = this.#storage;
    const due = await work.nextDue(queue);
    if (due !== undefined) return due;
    return (await work.counts(queue)).ready > 0 ? this.clock.now() : NEVER;
  }

  /** Starts the process again if it has crashed. */
  async #survive(): Promise<boolean> {
    let hasCrashed = false;
    while (this.#life.faulty.crashed) {
      hasCrashed = true;
      await this.clock.resolve(this.#life.engine.stop());
      await this.clock.advance(LEASE_MS);
      await this.#startLife();
    }
    return hasCrashed;
  }

  async #startLife(): Promise<void> {
    if (++this.#lives > LIVES_MAX) throw new Error(`The process crashed ${LIVES_MAX} times: it does not get on.`);
    const { sagas, services, events = [], seed = 1, keys } = this.#options;
    const faulty = faultyStorage(this.#storage, batch => this.#faultOf(batch));
    const environment = await createTestEnvironment({
      ...{ clock: this.clock, storage: faulty, definitions: events, seed: seed + this.#lives },
      owner: `life ${this.#lives}`,
      ...(keys === undefined ? {} : { keys }),
    });
    const engine = new SagaEngine({ sagas: sagas as readonly Saga[], services, environment });
    this.#life = { engine, events: environment.events, faulty };
    // A process that crashes while it starts does not answer.
    await this.clock.resolve(engine.start().catch(() => undefined));
  }

  #faultOf(batch: Batch): CommitFault | undefined {
    const atNumber = this.#options.faultAt?.get(++this.#commits);
    if (atNumber !== undefined) return atNumber;
    const index = this.#crashPoints.findIndex(({ point }) => isAt(batch, point));
    return index === -1 ? undefined : this.#crashPoints.splice(index, 1)[0]?.fault;
  }
}

function isAt({ appends = [] }: Batch, { event, step }: SagaPoint): boolean {
  return appends.some(({ events }) =>
    events.some(({ type, data }) => {
      return type === event && (step === undefined || (JSON.parse(data) as { step?: string }).step === step);
    }),
  );
}

/** Throws unless exactly these steps were undone, in this order. */
export function expectCompensated(saga: SagaView, steps: readonly string[]): void {
  const undone = saga.timeline.flatMap(({ type, step, undo }) =>
    (type === 'SagaStepUndone' || type === 'SagaCompensated') && undo !== null && step !== null ? [step] : [],
  );
  if (undone.length === steps.length && undone.every((step, index) => step === steps[index])) return;
  throw new Error(
    `Saga ${saga.type} ${saga.id} (${saga.status}) should have undone [${steps.join(', ')}]; it undid [${undone.join(', ')}].`,
  );
}
