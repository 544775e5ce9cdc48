import { expect, test } from 'vitest';
import { sampleAppend, sampleEvent } from '../testing/conformance/sample-event.ts';
import { openSqlite } from './sqlite-storage.ts';

/** How many groups it takes to store events of this length that are appended at once. */
async function groupsOf(events: number, characters: number): Promise<number> {
  const storage = await openSqlite({ file: ':memory:' });
  let groups = 0;
  storage.watch(() => groups++);
  const data = JSON.stringify('x'.repeat(characters));
  await Promise.all(
    Array.from({ length: events }, (_, n) =>
      storage.commit({ appends: [sampleAppend(`a-${n}`, 'any', [sampleEvent({ data })])] }),
    ),
  );
  await storage.close();
  return groups;
}

test('stores short events that come at once in one group', async () => {
  expect(await groupsOf(64, 100)).toBe(1);
});

test('stores long events that come at once in groups of a few megabytes, so that none holds up the process', async () => {
  expect(await groupsOf(64, 1_000_000)).toBe(16);
});
