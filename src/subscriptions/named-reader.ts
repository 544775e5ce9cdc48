import { MillraceError } from '../core/index.ts';
import { type Environment, type EventHandler, Processor, type StartAt } from '../processing/index.ts';
import type { LogFilter } from '../storage/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import { BATCH_SIZE_DEFAULT, processorOf } from './subscription.ts';

/** A subscription that is read event by event, under a name by which its checkpoint is kept. */
export interface NamedReading {
  readonly name: string;
  readonly filter: LogFilter;
  readonly startAt: StartAt;
  readonly signal: AbortSignal;
}

/**
 * Follows the log from the checkpoint of a name. An event counts as handled when the next one is asked for. The checkpoint is kept
 * each time 100 events have been, or as many as there were: so many may come again after an end.
 */
export async function* readByName(
  { name, filter, startAt, signal }: NamedReading,
  environment: Environment,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const handover = new Handover();
  const failure = { retry: { kind: 'fixed', attempts: 1, base: 0 }, afterwards: 'halt' } as const;
  const definition = { name: processorOf(name), filter, startAt, batchSize: BATCH_SIZE_DEFAULT, failure };
  const processor = new Processor({ ...definition, handler: handover }, environment);
  const end = (): void => handover.end();
  signal.addEventListener('abort', end, { once: true });
  try {
    await processor.start();
    void processor.ended().then(end);
    for (;;) {
      const event = signal.aborted ? undefined : await handover.take();
      if (event === undefined) break;
      yield event;
      handover.done();
    }
    const { state, reason } = processor.status();
    if (state === 'failed' && reason !== null) {
      throw new MillraceError(
        reason.code,
        reason.message,
        reason.details === undefined ? {} : { details: reason.details },
      );
    }
  } finally {
    signal.removeEventListener('abort', end);
    handover.end();
    await processor.stop();
  }
}

/** Hands events from a processor to a reader, one by one. */
class Handover implements EventHandler {
  #offered: RecordedEvent | undefined;
  #taken: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #ended = false;

  async handle(events: readonly RecordedEvent[], { signal }: { readonly signal: AbortSignal }): Promise<undefined> {
    signal.addEventListener('abort', this.#stop, { once: true });
    for (const event of events) {
      if (this.#ended) break;
      await new Promise<void>(resolve => {
        this.#offered = event;
        this.#taken = resolve;
        this.#wake?.();
      });
    }
    signal.removeEventListener('abort', this.#stop);
    if (this.#ended) throw new MillraceError('CLOSED', 'The reader of the subscription has left.');
    return undefined;
  }

  /** The next event; undefined when there will be none. */
  async take(): Promise<RecordedEvent | undefined> {
    while (this.#offered === undefined && !this.#ended) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    return this.#ended ? undefined : this.#offered;
  }

  /** The event that was taken has been dealt with. */
  done(): void {
    this.#offered = undefined;
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
    this.#taken?.();
  }

  readonly #stop = (): void => this.end();
}
