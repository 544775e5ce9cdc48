import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import type { MillraceError } from '../core/index.ts';
import { createTestEnvironment, type TestEnvironment } from '../testing/index.ts';
import { TAGS_MAX } from './event-tags.ts';
import { defineEvent } from './index.ts';

const Enrolled = defineEvent('Enrolled', {
  schema: z.object({ course: z.string(), student: z.string().default('nobody') }),
  tags: ({ course, student }) => [`student:${student}`, `course:${course}`],
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

beforeEach(async () => {
  environment = await createTestEnvironment({ definitions: [Enrolled] });
});
afterEach(() => settle(environment.storage.close()));

async function tagsOf(stream: string): Promise<readonly string[] | undefined> {
  return (await environment.events.readStream(stream)).at(-1)?.tags;
}

test('tags an event by its validated data, and by what is given with it, each tag once and in order', async () => {
  const { events } = environment;
  await settle(events.append('enrolment-1', [Enrolled({ course: 'b' })]));
  expect(await tagsOf('enrolment-1')).toEqual(['course:b', 'student:nobody']);
  await settle(events.append('enrolment-1', [Enrolled({ course: 'b' }, { tags: ['a', 'course:b', 'a'] })]));
  expect(await tagsOf('enrolment-1')).toEqual(['a', 'course:b', 'student:nobody']);
  await settle(events.append('note-1', [{ type: 'Noted', data: 1, tags: ['z', 'y'] }]));
  expect(await tagsOf('note-1')).toEqual(['y', 'z']);
  await settle(events.append('note-1', [{ type: 'Noted', data: 1 }]));
  expect(await tagsOf('note-1')).toEqual([]);
});

test('takes tags for a part of what an event says, but not their order', async () => {
  const { events } = environment;
  const noted = (tags: readonly string[]) => [{ type: 'Noted', data: 1, id: 'n-1', tags }];
  const first = await settle(events.append('note-1', noted(['a', 'b'])));
  expect(await settle(events.append('note-1', noted(['b', 'a', 'b'])))).toEqual({ ...first, replayed: true });
  expect((await failure(events.append('note-1', noted(['a'])))).code).toBe('EVENT_ID_REUSED');
});

test('shows the hash of the content, the same for the same content wherever its context comes from', async () => {
  const { events } = environment;
  const event = (id: string, own: object = {}) => [{ type: 'Noted', data: { b: 1, a: 2 }, id, metadata: { ...own } }];
  await settle(events.append('note-1', event('1')));
  await settle(events.append('note-1', event('2'), { correlationId: 'c' }));
  await settle(events.append('note-1', event('3', { own: 1 })));
  const [one, two, three] = (await events.readStream('note-1')).map(({ contentHash }) => contentHash);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(two).toBe(one);
  expect(three).not.toBe(one);
});

test('refuses what cannot be a tag, and too many', async () => {
  const { events } = environment;
  for (const tag of ['', 'x'.repeat(256), 'a\nb', '\ud800']) {
    const error = await failure(events.append('note-1', [{ type: 'Noted', data: 1, tags: [tag] }]));
    expect([error.code, error.message]).toEqual(['INVALID_ARGUMENT', expect.stringContaining('A tag of event Noted')]);
  }
  const tags = Array.from({ length: TAGS_MAX + 1 }, (_, n) => `t:${n}`);
  const error = await failure(events.append('note-1', [{ type: 'Noted', data: 1, tags }]));
  expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { tags: 33, limit: TAGS_MAX } });
  await settle(events.append('note-1', [{ type: 'Noted', data: 1, tags: tags.slice(1) }]));
  expect((await tagsOf('note-1'))?.length).toBe(TAGS_MAX);
});
