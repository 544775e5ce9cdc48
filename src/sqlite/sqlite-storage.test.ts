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

test('ends a page of long events early, however many were asked for, and skips none', async () => {
  const storage = await openSqlite({ file: ':memory:' });
  const long = JSON.stringify('x'.repeat(100_000));
  for (let n = 0; n < 5; n++) {
    const events = Array.from({ length: 60 }, () => sampleEvent({ type: n % 2 ? 'Odd' : 'Even', data: long }));
    await storage.commit({ appends: [sampleAppend('a-1', 'any', events)] });
  }
  for (const filter of [{}, { types: ['Even'] }, { types: ['Even', 'Odd'] }]) {
    const seen: number[] = [];
    for (let after = 0; after < 300; ) {
      const { events, through } = await storage.log.readLog({ after, limit: 10_000, filter });
      expect(events.length).toBeLessThanOrEqual(100);
      seen.push(...events.map(({ position }) => position));
      expect(through).toBeGreaterThan(after);
      after = through;
    }
    const all = Array.from({ length: 300 }, (_, n) => n + 1);
    expect(seen).toEqual(filter.types?.length === 1 ? all.filter(n => Math.ceil(n / 60) % 2 === 1) : all);
  }
  await storage.close();
});
