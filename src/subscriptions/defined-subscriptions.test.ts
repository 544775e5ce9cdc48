import { expect, test } from 'vitest';
import { createTestEnvironment } from '../testing/index.ts';
import { type PulledEvents, SubscriptionEngine } from './index.ts';

async function twoProcesses() {
  const environment = await createTestEnvironment();
  const { clock, events } = environment;
  const [one, other] = ['one', 'other'].map(
    owner => new SubscriptionEngine({ subscriptions: [], environment: { ...environment, owner } }),
  ) as [SubscriptionEngine, SubscriptionEngine];
  for (const engine of [one, other]) await clock.resolve(engine.start());
  const append = (stream: string, type: string) => clock.resolve(events.append(stream, [{ type, data: {} }]));
  const end = async () => {
    for (const engine of [one, other]) await clock.resolve(engine.stop());
    await clock.resolve(environment.storage.close());
  };
  return { clock, one, other, append, end };
}

function typesOf({ events }: PulledEvents): string[] {
  return events.map(({ type }) => type);
}

test('a subscription that is defined while apps run is pulled from all of them, until it is deleted', async () => {
  const { clock, one, other, append, end } = await twoProcesses();
  await append('a-1', 'Placed');
  expect(await clock.resolve(one.define('paid', { filter: { types: ['Paid'] }, startAt: 'end', partitions: 2 }))).toBe(
    true,
  );
  expect(
    await clock.resolve(other.define('paid', { filter: { types: ['Paid'] }, startAt: 'end', partitions: 2 })),
  ).toBe(false);
  await expect(clock.resolve(other.define('paid', { partitions: 3 }))).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  await expect(clock.resolve(one.define('none', { partitions: 0 }))).rejects.toMatchObject({
    code: 'INVALID_DEFINITION',
  });
  for (const type of ['Paid', 'Placed', 'Paid']) await append('a-1', type);
  const pulled = await clock.resolve(other.pull('paid', { limit: 1 }));
  expect(typesOf(pulled)).toEqual(['Paid']);
  // It is settled through another process than the one that gave it out.
  await clock.resolve(one.acknowledge('paid', pulled.lease as string));
  const second = await clock.resolve(one.pull('paid'));
  await clock.resolve(other.park('paid', second.lease as string));
  expect(await clock.resolve(one.list())).toMatchObject([{ name: 'paid', delivery: 'pulled', parked: 1 }]);

  await clock.resolve(one.delete('paid'));
  await expect(clock.resolve(other.pull('paid'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(clock.resolve(one.delete('paid'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  // Under the same name it begins anew, and has parked nothing.
  expect(await clock.resolve(other.define('paid', { filter: { types: ['Paid'] } }))).toBe(true);
  expect(typesOf(await clock.resolve(one.pull('paid')))).toEqual(['Paid', 'Paid']);
  expect((await clock.resolve(one.get('paid'))).parked).toBe(0);
  await end();
});

test('events of one correlation are given out in order where that is the key', async () => {
  const { clock, one, append, end } = await twoProcesses();
  await clock.resolve(one.define('flows', { key: 'correlation', partitions: 8 }));
  for (let n = 0; n < 6; n++) await append(`thing-${n}`, `Type${n}`);
  const pulls: PulledEvents[] = [];
  for (;;) {
    const pulled = await clock.resolve(one.pull('flows'));
    if (pulled.lease === null) break;
    pulls.push(pulled);
  }
  expect(pulls.flatMap(typesOf).sort()).toEqual(['Type0', 'Type1', 'Type2', 'Type3', 'Type4', 'Type5']);
  expect(pulls.length).toBeGreaterThan(1);
  await end();
});
