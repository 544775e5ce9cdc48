import { type Clock, type Counter, type Gauge, isMillraceError, messageOf, type Telemetry } from '../core/index.ts';
import type { AnyDecider } from './decider.ts';
import type { DeciderLoader } from './decider-loader.ts';
import { type Snapshot, snapshotRules, snapshotState } from './snapshot.ts';
import type { SnapshotStore } from './snapshot-store.ts';

interface Wanted {
  readonly decider: AnyDecider;
  readonly stream: string;
}

/** How many streams may wait for their snapshot; what is more is left out and gets its chance with a later append. */
const WAITING_MAX = 1_000;
/** How many events behind a snapshot call for another one, whatever `every` says. */
const TAIL_MAX = 1_000;

/**
 * Takes snapshots beside the appends that call for them: one at a time, behind everything interactive. One that fails is logged and
 * counted, and harms nobody.
 */
export class SnapshotWriter {
  readonly #loader: DeciderLoader;
  readonly #store: SnapshotStore;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #taken: Counter;
  readonly #waitingGauge: Gauge;
  readonly #waiting = new Map<string, Wanted>();
  readonly #prepared = new Set<AnyDecider>();
  readonly #reported = new Set<AnyDecider>();
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(parts: { loader: DeciderLoader; store: SnapshotStore; clock: Clock; telemetry: Telemetry }) {
    this.#loader = parts.loader;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#telemetry = parts.telemetry;
    const { metrics } = parts.telemetry;
    this.#taken = metrics.counter({
      name: 'millrace_snapshots_total',
      help: 'Snapshots by what became of them: taken, failed, unsuitable (JSON would change the state) or skipped (too many waited).',
      labels: ['decider', 'outcome'],
    });
    this.#waitingGauge = metrics.gauge({
      name: 'millrace_snapshots_waiting',
      help: 'Streams that wait for a snapshot.',
    });
    metrics.beforeCollect(() => this.#waitingGauge.set(this.#waiting.size));
  }

  /** Makes the places for snapshots, and drops those of other versions. What fails is tried again before the first snapshot. */
  async start(deciders: readonly AnyDecider[]): Promise<void> {
    for (const decider of deciders) {
      try {
        await this.#prepare(decider);
      } catch (thrown) {
        const fields = { decider: decider.name, err: messageOf(thrown) };
        this.#telemetry.logger.warn(fields, 'snapshots cannot be kept for now; entities are loaded from their events');
      }
    }
  }

  /** To be told of every append: takes a snapshot when it crossed a multiple of the decider's `every`. */
  appended(decider: AnyDecider, stream: string, revision: number, count: number): void {
    const every = snapshotRules(decider)?.every ?? Number.POSITIVE_INFINITY;
    const events = revision + 1;
    if (Math.floor(events / every) > Math.floor((events - count) / every)) this.#want({ decider, stream });
  }

  /** To be told of every load: takes a snapshot when there were too many events behind the last one. */
  loaded(decider: AnyDecider, stream: string, tail: number): void {
    if (tail > TAIL_MAX && snapshotRules(decider) !== undefined) this.#want({ decider, stream });
  }

  /** Resolves when nothing waits and nothing is at work. */
  async drained(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Takes what is at work to its end and nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    await this.drained();
  }

  #want(wanted: Wanted): void {
    if (this.#closed) return;
    if (!this.#waiting.has(wanted.stream) && this.#waiting.size >= WAITING_MAX) {
      this.#taken.add(1, { decider: wanted.decider.name, outcome: 'skipped' });
      return;
    }
    this.#waiting.set(wanted.stream, wanted);
    // On a later turn: whoever appended gets the answer first.
    this.#working ??= new Promise(resolve => {
      this.#clock.soon(() => void this.#work().then(resolve));
    });
  }

  async #work(): Promise<void> {
    for (const [stream, wanted] of this.#waiting) {
      this.#waiting.delete(stream);
      const outcome = await this.#take(wanted);
      this.#taken.add(1, { decider: wanted.decider.name, outcome });
    }
    this.#working = undefined;
  }

  async #take({ decider, stream }: Wanted): Promise<'taken' | 'failed' | 'unsuitable'> {
    const fields = { decider: decider.name, stream };
    try {
      await this.#prepare(decider);
      const snapshot = await this.#snapshotOf(decider, stream);
      if ('loss' in snapshot) {
        if (!this.#reported.has(decider)) {
          const message = 'the state of a decider cannot be kept as JSON; give its snapshots json marks or a codec';
          this.#telemetry.logger.warn({ ...fields, ...snapshot.loss }, message);
        }
        this.#reported.add(decider);
        return 'unsuitable';
      }
      await this.#store.write(decider, snapshot);
      return 'taken';
    } catch (thrown) {
      // A store that was closed meanwhile has nobody who could want it.
      if (!isMillraceError(thrown, 'STORAGE_CLOSED')) {
        this.#telemetry.logger.warn({ ...fields, err: messageOf(thrown) }, 'a snapshot could not be taken');
      }
      return 'failed';
    }
  }

  async #snapshotOf(decider: AnyDecider, stream: string): Promise<Snapshot | { loss: object }> {
    const rules = snapshotRules(decider);
    const { state, last } = await this.#loader.load(decider, stream, { optimizeForReplay: true });
    if (rules === undefined || last === undefined) throw new Error('there is nothing to take a snapshot of');
    const kept = snapshotState(rules, state);
    if ('loss' in kept) return kept;
    const { version } = rules;
    return { stream, decider: decider.name, version, ...last, state: kept.json, createdAt: this.#clock.now() };
  }

  async #prepare(decider: AnyDecider): Promise<void> {
    if (this.#prepared.has(decider)) return;
    await this.#store.prepare(decider);
    this.#prepared.add(decider);
  }
}
