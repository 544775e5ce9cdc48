import { checkedName, isMillraceError, MillraceError, SYSTEM_PREFIX } from '../../core/index.ts';
import type { Environment } from '../../processing/index.ts';
import type { NewEvent, RecordedEvent } from '../../store/index.ts';
import type { Place } from '../place.ts';
import { shown } from '../unchecked-value.ts';
import type { CommonMembers, Destination, DestinationOptions } from './destination.ts';
import { StoreSender } from './store-sender.ts';
import type { StoreWrite, StoreWriter } from './store-writer.ts';

/** What is appended for an event; by default an event of the same type and data. */
export type StreamEvent = Pick<NewEvent, 'type' | 'data'> & Pick<Partial<NewEvent>, 'tags'>;

/** How events are appended to another stream. */
export interface StreamOptions extends DestinationOptions {
  /** Makes what is appended. Default: the event's own type and data. */
  readonly event?: (event: RecordedEvent) => StreamEvent;
}

/** A stream that events are appended to; made by `toStream`. */
export interface StreamDestination extends StreamOptions {
  readonly kind: 'stream';
  /** Its name, or what gives it for an event. */
  readonly stream: string | ((event: RecordedEvent) => string);
}

/**
 * Describes a stream of the same store as a destination: exactly once, in the commit in which the router takes the event. What is
 * appended has the delivery's id, is caused by the event, and counts one hop more, so that routes in a circle end. What cannot be
 * appended, because it does not fit its schema, becomes a dead letter.
 *
 * @example toStream(event => `customer-${event.data.customerId}`, { event: ({ data }) => ({ type: 'OrderSeen', data }) })
 */
export function toStream(stream: StreamDestination['stream'], options: StreamOptions = {}): StreamDestination {
  return { kind: 'stream', stream, ...options };
}

/** The members of a stream destination that other kinds do not have. */
export const STREAM_MEMBERS: readonly string[] = ['stream', 'event'];

/** Checks what is particular to a stream and completes it. */
export function completeStream(
  given: Readonly<Record<string, unknown>>,
  place: Place,
  common: CommonMembers,
): Destination {
  const { stream, event: make } = given;
  if (typeof stream !== 'function') checkStream(stream, place.at('stream'));
  if (make !== undefined && typeof make !== 'function') {
    throw place.at('event').refusal('UNSUPPORTED_DESTINATION', `is ${shown(make)}; write a function.`);
  }
  const target = stream as StreamDestination['stream'];
  const inside = new StreamWriter(target, make as StreamOptions['event']);
  return {
    ...common,
    address: typeof target === 'string' ? `stream ${target}` : 'streams',
    inside,
    open: ({ environment }) => new StoreSender(inside, environment),
  };
}

function checkStream(stream: unknown, place: Place): void {
  try {
    if (typeof stream === 'string' && !stream.startsWith(SYSTEM_PREFIX)) {
      checkedName(stream, 'The name of a stream');
      return;
    }
  } catch (thrown) {
    if (!isMillraceError(thrown)) throw thrown;
  }
  throw place.refusal(
    'UNSUPPORTED_DESTINATION',
    `is ${shown(stream)}; write the name of a stream, or a function that gives it.`,
  );
}

class StreamWriter implements StoreWriter {
  readonly #stream: StreamDestination['stream'];
  readonly #make: NonNullable<StreamOptions['event']>;

  constructor(stream: StreamDestination['stream'], make: StreamOptions['event']) {
    this.#stream = stream;
    this.#make = make ?? (({ type, data, tags }) => ({ type, data, tags }));
  }

  async write(event: RecordedEvent, id: string, { codec }: Environment): Promise<StoreWrite> {
    const stream = typeof this.#stream === 'string' ? this.#stream : this.#stream(event);
    if (typeof stream !== 'string' || stream === '' || stream.startsWith(SYSTEM_PREFIX)) {
      throw new MillraceError('INVALID_ARGUMENT', `The destination gives ${shown(stream)} for the name of a stream.`);
    }
    const { hops } = event.metadata;
    const metadata = { hops: (typeof hops === 'number' ? hops : 0) + 1 };
    const made: NewEvent = { ...this.#make(event), id, metadata };
    const context = { correlationId: event.metadata.correlationId, causationId: event.id };
    const events = await codec.encode(stream, codec.fromJson([made]), context);
    return { append: { stream, expected: 'any', events } };
  }
}
