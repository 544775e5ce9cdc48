import { writeSync } from 'node:fs';
import { createMillrace, openStorage, systemClock } from 'millrace';
import type { Batch, Storage } from 'millrace/storage';

/*
 * Fills a store, ends one stream, limits another, and scavenges; whatever is done already is left as it is. Prints in the end the points that
 * it passed. It is made to be killed: with `FATAL_POINT` in the environment, it kills itself there.
 *
 *     FATAL_POINT='during a slice (2)' node scavenge-process.ts <file>
 */

const [file = ''] = process.argv.slice(2);
const fatal = process.env['FATAL_POINT'];
const points: string[] = [];
const passed = new Map<string, number>();

/** Passes a point; the process ends here if it was told to. */
function pass(name: string): void {
  const nth = (passed.get(name) ?? 0) + 1;
  passed.set(name, nth);
  const point = `${name} (${nth})`;
  if (point === fatal) process.kill(process.pid, 'SIGKILL');
  points.push(point);
}

function meaning({ streams = [] }: Batch): string | undefined {
  const [write] = streams;
  if (write === undefined) return undefined;
  if (write.op === 'scavenge') return 'a slice';
  return write.op === 'state' ? 'a tombstone' : 'a retention';
}

/** A storage with points around every commit that changes streams as wholes. */
function watched(storage: Storage): Storage {
  const commit: Storage['commit'] = async batch => {
    const name = meaning(batch);
    if (name === undefined) return storage.commit(batch);
    pass(`before ${name}`);
    const committing = storage.commit(batch);
    pass(`during ${name}`);
    const result = await committing;
    pass(`after ${name}`);
    return result;
  };
  return new Proxy(storage, {
    get(target, name) {
      const member: unknown = name === 'commit' ? commit : Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const storage = await openStorage(`sqlite:${file}`, { clock: systemClock, logger });
const app = await createMillrace({ store: watched(storage) });
for (const [stream, count] of [
  ['ended-1', 250],
  ['sensor-1', 240],
  ['order-1', 3],
] as const) {
  if ((await storage.log.streamRevision(stream)) >= 0) continue;
  await app.append(
    stream,
    Array.from({ length: count }, (_, n) => ({ type: 'Noted', data: { n }, tags: [`n:${n}`] })),
  );
}
await app.streams.tombstone('ended-1');
await app.streams.setRetention('sensor-1', { maxCount: 10 });
const { complete } = await app.scavenge();
await app.close();
await storage.close();
writeSync(1, `${JSON.stringify({ complete, points })}\n`);
