import { join } from 'node:path';
import { seededRandom } from 'millrace';
import { expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { NodeProcess } from '../integration/node-process.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const chosen = seed();
const CONSUMERS = 3;
const EVENTS_A_KILL = 60;

interface Line {
  readonly handled?: { readonly key: string; readonly number: number };
  readonly acknowledged?: number;
  readonly lease: string;
}

/** Leases of a partition are given out in the order of their fences. */
function fenceOf(lease: string): number {
  return (JSON.parse(Buffer.from(lease, 'base64url').toString()) as number[])[2] as number;
}

test(`consumers that pull and are killed, and their server with them, skip nothing, keep the order of keys and get nothing twice that was acknowledged (seed ${chosen})`, {
  timeout: 1_200_000,
}, async () => {
  const kills = runCount(5, 200);
  const chance = seededRandom(chosen);
  const store = `sqlite:${join(temporaryFolder(), 'millrace.db')}`;
  const port = await freePort();
  const events = kills * EVENTS_A_KILL;
  const serve = () => new NodeProcess('pulled-server-process', [store, String(port), String(events)]);
  const consume = () => new NodeProcess('pulling-process', [`http://127.0.0.1:${port}`, 'jobs']);
  const all: NodeProcess[] = [];
  const lines = (): Line[] => all.flatMap(each => [...each.said<Line>()]);
  let server = serve();
  await server.line(0);
  let consumers = Array.from({ length: CONSUMERS }, consume);
  all.push(...consumers);
  for (let kill = 0; kill < kills; kill++) {
    const [consumer, ...others] = consumers as [NodeProcess, ...NodeProcess[]];
    await expect.poll(() => consumer.said().length, { timeout: 60_000 }).toBeGreaterThan(5 + (chance.uint32() % 25));
    await consumer.kill();
    if (kill % 5 === 2) {
      await server.kill();
      server = serve();
      await server.line(0);
    }
    const next = consume();
    all.push(next);
    consumers = [...others, next];
  }
  const isDone = () => new Set(lines().flatMap(({ handled }) => handled?.number ?? [])).size >= events;
  await expect.poll(isDone, { timeout: 120_000 }).toBe(true);
  for (const consumer of consumers) await consumer.kill();
  await server.kill();

  const leases = Map.groupBy(lines(), ({ lease }) => lease);
  const inOrder = [...leases].sort(([one], [other]) => fenceOf(one) - fenceOf(other));
  const acknowledged = new Set<number>();
  const next = new Map<string, number>();
  let repeated = 0;
  const seen = new Set<number>();
  for (const [, said] of inOrder) {
    const inLease = new Map<string, number>();
    for (const { handled } of said) {
      if (handled === undefined) continue;
      const { key, number } = handled;
      expect(acknowledged.has(number), `${number} was acknowledged and came again`).toBe(false);
      const expected = inLease.get(key) ?? next.get(key) ?? Number(key.slice(4));
      expect(number, `the next one of ${key}`).toBe(expected);
      inLease.set(key, number + 12);
      if (seen.has(number)) repeated++;
      seen.add(number);
    }
    const done = said.flatMap(line => line.acknowledged ?? []);
    // Where the answer to an acknowledgement was lost, the next lease tells that it arrived.
    const arrived =
      done.length > 0 ||
      wasAcknowledged(
        said,
        inOrder.map(([, each]) => each),
      );
    if (!arrived) continue;
    for (const { handled } of said) if (handled !== undefined) acknowledged.add(handled.number);
    for (const [key, number] of inLease) next.set(key, number);
  }
  console.info(`${kills} kills: ${seen.size} events handled, ${repeated} of them again after a kill`);
  expect(seen.size).toBe(events);
});

/** Whether nothing of a lease was given out once more. */
function wasAcknowledged(said: readonly Line[], all: readonly (readonly Line[])[]): boolean {
  const numbers = new Set(said.flatMap(({ handled }) => (handled === undefined ? [] : [handled.number])));
  return !all.some(
    each =>
      each !== said &&
      each.some(
        ({ handled }) =>
          handled !== undefined &&
          numbers.has(handled.number) &&
          fenceOf(each[0]?.lease ?? '') > fenceOf(said[0]?.lease ?? ''),
      ),
  );
}
