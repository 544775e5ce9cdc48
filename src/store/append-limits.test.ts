import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MillraceError } from '../core/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { BATCH_BYTES_MAX, BATCH_EVENTS_MAX, EVENT_BYTES_MAX, METADATA_BYTES_MAX } from './append-limits.ts';
import { defineDecider, defineEvent, type NewEvent } from './index.ts';

const Said = defineEvent('Said', {
  schema: { '~standard': { version: 1, vendor: 'test', validate: value => ({ value: value as string }) } },
});
const talk = defineDecider('talk', {
  events: [Said],
  initial: () => 0,
  evolve: { Said: state => state },
  decide: { say: ({ times, length }: { times: number; length: number }) => said(times, length) },
});

let environment: TestEnvironment;
const settle = <T>(promise: Promise<T>): Promise<T> => environment.clock.resolve(promise);
const failure = (promise: Promise<unknown>): Promise<MillraceError> =>
  settle(
    promise.then(
      () => expect.fail('it should have been refused'),
      thrown => thrown as MillraceError,
    ),
  );

/** Events whose data has a length, as JSON. */
function said(times: number, length: number, metadata: object = {}): NewEvent[] {
  return Array.from({ length: times }, () => ({ type: 'Said', data: 'x'.repeat(length - 2), metadata }));
}

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Said] });
});
afterEach(() => settle(environment.storage.close()));

test('takes as much as the limits allow, and no more, and says which was exceeded', async () => {
  const { events } = environment;
  const metadata = (bytes: number) => ({ own: 'x'.repeat(bytes - '{"own":""}'.length) });
  const most = BATCH_BYTES_MAX / EVENT_BYTES_MAX;
  const allowed = [
    said(1, EVENT_BYTES_MAX),
    said(1, 10, metadata(METADATA_BYTES_MAX)),
    said(BATCH_EVENTS_MAX, 3),
    said(most, EVENT_BYTES_MAX),
  ];
  for (const batch of allowed) await settle(events.append('talk-1', batch));
  const head = await environment.storage.log.head();
  const refused = [
    [said(1, EVENT_BYTES_MAX + 1), { part: 'data', bytes: EVENT_BYTES_MAX + 1, limit: EVENT_BYTES_MAX, type: 'Said' }],
    [said(1, 10, metadata(METADATA_BYTES_MAX + 1)), { part: 'metadata', limit: METADATA_BYTES_MAX }],
    [said(BATCH_EVENTS_MAX + 1, 3), { events: BATCH_EVENTS_MAX + 1, limit: BATCH_EVENTS_MAX }],
    [[...said(most, EVENT_BYTES_MAX), ...said(1, 3)], { bytes: BATCH_BYTES_MAX + 3, limit: BATCH_BYTES_MAX }],
  ] as const;
  for (const [batch, details] of refused) {
    expect(await failure(events.append('talk-1', batch))).toMatchObject({ code: 'LIMIT_EXCEEDED', details });
  }
  expect(await environment.storage.log.head()).toBe(head);
});

test('counts bytes, not characters', async () => {
  const data = '🙂'.repeat(EVENT_BYTES_MAX / 4);
  expect((await failure(environment.events.append('talk-1', [{ type: 'Said', data }]))).code).toBe('LIMIT_EXCEEDED');
});

test('counts all streams of an append, and what commands lead to, by the same limits', async () => {
  const { events } = environment;
  const part = (stream: string) => ({ stream, events: said(BATCH_EVENTS_MAX / 2 + 1, 3) });
  expect((await failure(events.appendAll([part('talk-1'), part('talk-2')]))).code).toBe('LIMIT_EXCEEDED');
  const say = (times: number, length: number) => events.execute(talk, 'talk-1', 'say', { times, length });
  expect((await failure(say(BATCH_EVENTS_MAX + 1, 3))).code).toBe('LIMIT_EXCEEDED');
  expect((await failure(say(1, EVENT_BYTES_MAX + 1))).code).toBe('LIMIT_EXCEEDED');
  expect((await settle(say(2, 100))).count).toBe(2);
});
