import type { Environment, EventHandler } from '../processing/index.ts';
import type { Effects } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { FreshStarts } from './fresh-starts.ts';
import type { Saga } from './saga-definition.ts';
import { sagaStream } from './saga-events.ts';
import { prepareStart, type SagaStart } from './saga-start.ts';

/** Starts sagas for the events that trigger them: in the commit that moves the trigger's cursor, so once for each. */
export class SagaTriggerHandler implements EventHandler {
  readonly #environment: Environment;
  readonly #saga: Saga;
  readonly #fresh: FreshStarts;
  #pending: readonly SagaStart[] = [];

  /** `fresh` gets the state of every saga before its start is committed, so that a claim that follows at once finds it. */
  constructor(environment: Environment, saga: Saga, fresh: FreshStarts) {
    this.#environment = environment;
    this.#saga = saga;
    this.#fresh = fresh;
  }

  async handle(events: readonly RecordedEvent[]): Promise<Effects> {
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
    this.#pending = starts;
    for (const { state } of starts) this.#fresh.add(state);
    return {
      appends: starts.map(start => start.append),
      documents: starts.map(start => start.document),
      work: starts.map(start => start.work),
    };
  }

  reset(): void {
    for (const { state } of this.#pending) this.#fresh.remove(state);
    this.#pending = [];
  }
}
