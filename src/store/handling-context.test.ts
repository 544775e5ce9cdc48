import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { causedBy } from './handling-context.ts';
import type { RecordedEvent } from './index.ts';

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const seen = { type: 'Seen', data: 1 };

beforeEach(async () => {
  environment = await createTestEnvironment();
});
afterEach(() => settle(environment.storage.close()));

async function last(stream: string): Promise<RecordedEvent> {
  const [event] = await environment.events.readStream(stream, { direction: 'backward', limit: 1 });
  return event as RecordedEvent;
}

test('takes the context of an append from the event that is being handled, where nothing else gives it', async () => {
  const { events } = environment;
  await settle(events.append('order-1', [{ type: 'Placed', data: 1 }], { userId: 'ada' }));
  const placed = await last('order-1');
  const caused = { correlationId: placed.id, causationId: placed.id, userId: 'ada' };
  await settle(causedBy(placed, () => events.append('seen-1', [seen])));
  expect((await last('seen-1')).metadata).toEqual(caused);
  await settle(causedBy(placed, () => events.append('seen-1', [seen], { causationId: 'own' })));
  expect((await last('seen-1')).metadata).toEqual({ ...caused, causationId: 'own' });
  const mine = { ...seen, metadata: { correlationId: 'mine', userId: 'bob' } };
  await settle(causedBy(placed, () => events.append('seen-1', [mine], { correlationId: 'given' })));
  expect((await last('seen-1')).metadata).toEqual({ ...caused, correlationId: 'mine', userId: 'bob' });
});

test('keeps what is handled at the same time apart, and ends with it', async () => {
  const { events } = environment;
  await settle(events.append('order-1', [{ type: 'Placed', data: 1 }]));
  await settle(events.append('order-2', [{ type: 'Placed', data: 2 }]));
  const [one, two] = [await last('order-1'), await last('order-2')];
  const react = (event: RecordedEvent) =>
    causedBy(event, async () => {
      await Promise.resolve();
      await events.append(`seen-${event.stream}`, [seen]);
    });
  await settle(Promise.all([react(one), react(two), events.append('seen-none', [seen])]));
  expect((await last('seen-order-1')).metadata.causationId).toBe(one.id);
  expect((await last('seen-order-2')).metadata.causationId).toBe(two.id);
  expect((await last('seen-none')).metadata.causationId).toBeUndefined();
});
