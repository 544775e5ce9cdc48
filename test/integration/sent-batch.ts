import type { Batch } from '../../src/storage/index.ts';
import { sampleAppend, sampleEvent } from '../../src/testing/conformance/sample-event.ts';

/** The batch with a number, the same in every process that makes it: some events in two streams, and an item of work. */
export function sentBatch(number: number): Required<Pick<Batch, 'appends' | 'work'>> {
  const text = `${number} 🙂 `.repeat(1 + (number % 40));
  const events = (name: string, count: number) =>
    Array.from({ length: count }, (_, n) =>
      sampleEvent({
        id: `${number}-${name}-${n}`,
        type: `Type${number % 5}`,
        data: JSON.stringify({ number, n, text }),
      }),
    );
  return {
    appends: [
      sampleAppend(`a-${number % 7}`, 'any', events('a', 1 + (number % 4))),
      sampleAppend(`b-${number}`, 'noStream', events('b', number % 3)),
    ],
    work: [{ op: 'enqueue', queue: 'q', key: String(number), payload: JSON.stringify({ number }), dueAt: 0 }],
  };
}
