import type { Environment, EventHandler } from '../processing/index.ts';
import type { Batch, Effects } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { correlationsOf, waitTag } from './correlation.ts';
import type { FreshStarts } from './fresh-starts.ts';
import type { Saga } from './saga-definition.ts';
import { sagaStream } from './saga-events.ts';
import { SAGA_INDEX, summaryIn } from './saga-index.ts';
import { foldHistory, loadHistory } from './saga-instance.ts';
import { prepareWaking } from './saga-operation.ts';
import { prepareStart, type SagaStart } from './saga-start.ts';

/** How many events are looked for at once among those that sagas wait for. */
const LOOKED_FOR = 100;
const PAGE = 1_000;

/**
 * Starts sagas for the events that trigger them, and wakes those that wait for one: in the commit that moves the trigger's cursor,
 * so once for each. What a saga makes of an event is for the saga itself, which finds it in the log.
 */
export class SagaTriggerHandler implements EventHandler {
  readonly #environment: Environment;
  readonly #saga: Saga;
  readonly #awaited: ReadonlySet<string>;
  readonly #fresh: FreshStarts;
  #pending: readonly SagaStart[] = [];

  /**
   * `fresh` gets the state of every saga before its start is committed, so that a claim that follows at once finds it; `awaited`
   * are the types of the events that sagas of any version wait for.
   */
  constructor(environment: Environment, saga: Saga, fresh: FreshStarts, awaited: ReadonlySet<string>) {
    this.#environment = environment;
    this.#saga = saga;
    this.#fresh = fresh;
    this.#awaited = awaited;
  }

  async handle(events: readonly RecordedEvent[]): Promise<Effects> {
    const starts = await this.#starts(events);
    this.#pending = starts;
    for (const { state } of starts) this.#fresh.add(state);
    const wakings = await this.#wakings(events.filter(({ type }) => this.#awaited.has(type)));
    return {
      appends: [...starts.map(start => start.append), ...wakings.flatMap(({ appends = [] }) => appends)],
      documents: [...starts.map(start => start.document), ...wakings.flatMap(({ documents = [] }) => documents)],
      work: [...starts.map(start => start.work), ...wakings.flatMap(({ work = [] }) => work)],
    };
  }

  reset(): void {
    for (const { state } of this.#pending) this.#fresh.remove(state);
    this.#pending = [];
  }

  async #starts(events: readonly RecordedEvent[]): Promise<SagaStart[]> {
    const wanted = new Map<string, { input: unknown; event: RecordedEvent }>();
    for (const event of events) {
      const trigger = this.#saga.triggers.find(candidate => candidate.event.type === event.type);
      const start = trigger?.start(event);
      if (start !== undefined && !wanted.has(start.id)) wanted.set(start.id, { input: start.input, event });
    }
    const streams = [...wanted.keys()].map(id => sagaStream(this.#saga.type, id));
    const existing = await this.#environment.storage.log.existing(streams);
    const starts: SagaStart[] = [];
    for (const [id, { input, event }] of wanted) {
      if (existing.has(sagaStream(this.#saga.type, id))) continue;
      const cause = { correlationId: event.metadata.correlationId, causationId: event.id };
      starts.push(await prepareStart(this.#environment, this.#saga, { id, input }, cause));
    }
    return starts;
  }

  /** The sagas that wait for one of these events, each to be woken once. */
  async #wakings(events: readonly RecordedEvent[]): Promise<Batch[]> {
    const wakings = new Map<string, Batch>();
    for (let from = 0; from < events.length; from += LOOKED_FOR) {
      const tags = new Map<string, string>();
      for (const event of events.slice(from, from + LOOKED_FOR)) {
        for (const by of correlationsOf(event)) tags.set(waitTag(this.#saga.type, event.type, by), event.type);
      }
      for (const [stream, type] of await this.#waitingFor(tags)) {
        if (wakings.has(stream)) continue;
        const state = foldHistory(await loadHistory(this.#environment, stream));
        const waking = state === undefined ? undefined : prepareWaking(this.#environment, state, type);
        if (waking !== undefined) wakings.set(stream, waking);
      }
    }
    return [...wakings.values()];
  }

  /** The streams of the sagas that began to wait under one of the tags, and wait still, with the type of the event. */
  async #waitingFor(tags: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, string>> {
    const { log, documents } = this.#environment.storage;
    const filter = { query: [...tags.keys()].map(tag => ({ tags: [tag] })) };
    const found = new Map<string, string>();
    for (let after = 0; ; ) {
      const page = await log.readLog({ after, limit: PAGE, filter });
      const streams = new Map<string, string>();
      for (const event of page.events) {
        const type = event.tags.map(tag => tags.get(tag)).find(each => each !== undefined);
        if (type !== undefined) streams.set(event.stream, type);
      }
      for (const [stream, body] of await documents.getMany(SAGA_INDEX.name, [...streams.keys()])) {
        if (summaryIn(body).waitingFor !== null) found.set(stream, streams.get(stream) as string);
      }
      if (page.through <= after) return found;
      after = page.through;
    }
  }
}
