import { MillraceError } from '../core/index.ts';
import type { LogFilter, StoredEvent } from '../storage/index.ts';
import type { LoadedKeys, RecordedEvent } from '../store/index.ts';
import type { Environment } from './environment.ts';
import { EventIterator } from './event-iterator.ts';

interface ReadingOptions {
  /** Default: `forward`. */
  readonly direction?: 'forward' | 'backward';
  /** Events that are read at once, which is what is in memory at most. Default: 500; at most 10,000. */
  readonly batchSize?: number;
  /** Ends the reading at the next event. */
  readonly signal?: AbortSignal;
}

/** A part of a stream. Default: all of it. */
export interface StreamReading extends ReadingOptions {
  readonly stream: string;
  /** The first revision that is wanted, in the direction of reading. */
  readonly from?: number;
  /** The last revision that is wanted, in the direction of reading. */
  readonly to?: number;
  /** Only events of these types. */
  readonly types?: readonly string[];
}

/** A part of the log: the events that a filter wants between two positions, both excluded. Default: all of them. */
export interface LogReading extends ReadingOptions, LogFilter {
  readonly stream?: never;
  readonly after?: number;
  readonly before?: number;
}

type Surroundings = Pick<Environment, 'storage' | 'codec' | 'clock'>;
type Pages = AsyncGenerator<readonly StoredEvent[], void, undefined>;

const BATCH_DEFAULT = 500;
const BATCH_MAX = 10_000;

/**
 * Reads what is there now, event by event, and then ends. A page is read when the one before it has been taken, so that a slow reader slows
 * itself and nobody else. It ends early when the signal aborts or it is left. Throws `INVALID_ARGUMENT` for bounds that make no sense.
 */
export function readEvents(
  { storage, codec, clock }: Surroundings,
  reading: StreamReading | LogReading,
): AsyncGenerator<RecordedEvent, void, undefined> {
  const { batchSize = BATCH_DEFAULT, signal } = reading;
  checkWhole({ batchSize }, 1, BATCH_MAX);
  const source =
    reading.stream === undefined ? logPages(storage, reading, batchSize) : streamPages(storage, reading, batchSize);
  let keys: LoadedKeys | undefined;
  async function* pages(): Pages {
    for await (const page of source) {
      if (signal?.aborted) return;
      keys = await codec.keysOf(page);
      yield page;
      // A page may come without a turn of the event loop: nothing else would get one before the end.
      await new Promise<void>(resolve => clock.soon(resolve));
    }
  }
  return new EventIterator(pages(), stored => codec.decode(stored, keys), signal);
}

async function* streamPages({ log }: Surroundings['storage'], reading: StreamReading, limit: number): Pages {
  const { stream, to, types, direction = 'forward' } = reading;
  checkWhole({ from: reading.from, to }, 0);
  const step = direction === 'forward' ? 1 : -1;
  let { from } = reading;
  for (;;) {
    const range = { limit, direction, ...given({ from, to, types }) };
    const page = await log.readStream(stream, range);
    const wanted = types === undefined ? page : page.filter(({ type }) => types.includes(type));
    if (wanted.length > 0) yield wanted;
    const last = page.at(-1)?.revision;
    if (last === undefined || page.length < limit || last === to || last + step < 0) return;
    from = last + step;
  }
}

async function* logPages({ log }: Surroundings['storage'], reading: LogReading, limit: number): Pages {
  const { after = 0, before: end, direction = 'forward', batchSize: _, signal: __, stream: ___, ...filter } = reading;
  checkWhole({ after, before: end }, 0);
  // What comes while it is read is not waited for.
  const before = Math.min(end ?? Number.MAX_SAFE_INTEGER, (await log.head()) + 1);
  const forward = direction === 'forward';
  for (let place = forward ? after : before; forward ? place < before - 1 : place > after + 1; ) {
    const page = forward
      ? await log.readLog({ after: place, limit, filter })
      : await log.readLogBackward({ before: place, limit, filter });
    const events = page.events.filter(({ position }) => position > after && position < before);
    if (events.length > 0) yield events;
    place = page.through;
  }
}

function given<Members extends object>(
  members: Members,
): { [Name in keyof Members]?: Exclude<Members[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

function checkWhole(
  values: Readonly<Record<string, number | undefined>>,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= min && value <= max)) continue;
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `${name} is ${value}; it must be a whole number from ${min} to ${max}.`,
      {
        details: { [name]: value },
      },
    );
  }
}
