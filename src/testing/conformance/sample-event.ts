import { hash } from 'node:crypto';
import { createIdSource, systemClock, systemRandom } from '../../core/index.ts';
import type { EncodedEvent, ExpectedRevision, StreamAppend } from '../../storage/index.ts';

const ids = createIdSource({ clock: systemClock, random: systemRandom });

/** An event as an encoder would hand it over; said to be fresh only when its id is a new one. */
export function sampleEvent(chosen: Partial<EncodedEvent> = {}): EncodedEvent {
  const { id = ids.next(), type = 'Sampled', data = '{}' } = chosen;
  return {
    id,
    fresh: chosen.id === undefined,
    type,
    schemaVersion: 1,
    data,
    metadata: null,
    correlationId: null,
    causationId: null,
    tags: [],
    occurredAt: null,
    digest: hash('sha256', `${type}\n${data}`),
    ...chosen,
  };
}

/** Several events, with their number as data. */
export function sampleEvents(count: number, chosen: Partial<EncodedEvent> = {}): EncodedEvent[] {
  return Array.from({ length: count }, (_, n) => sampleEvent({ data: `{"n":${n}}`, ...chosen }));
}

/** An append of one event, or of those given. */
export function sampleAppend(
  stream: string,
  expected: ExpectedRevision = 'any',
  events: readonly EncodedEvent[] = [sampleEvent()],
): StreamAppend {
  return { stream, expected, events };
}

/** The same events as sent by someone who does not know whether they were stored. */
export function resent(append: StreamAppend): StreamAppend {
  return { ...append, events: append.events.map(event => ({ ...event, fresh: false })) };
}
