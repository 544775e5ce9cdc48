import { writeSync } from 'node:fs';
import { createMillrace, openStorage, systemClock } from 'millrace';
import type { Batch, Storage } from 'millrace/storage';
import { counter, counterApp, counterStream, EVENTS_IN_ALL } from './snapshot-counter.ts';

/*
 * Appends to a counter, of which snapshots are taken on the way, until it has all of its events. Prints a line for each append that
 * was acknowledged, and in the end the points that it passed. It is made to be killed: with a point, it kills itself there.
 *
 *     node snapshot-process.ts <file> <size of an append> [<point>]
 */

const [file = '', size = '', fatal] = process.argv.slice(2);
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

async function around<T>(name: string | undefined, run: () => Promise<T>): Promise<T> {
  if (name === undefined) return run();
  pass(`before ${name}`);
  const running = run();
  pass(`during ${name}`);
  const result = await running;
  pass(`after ${name}`);
  return result;
}

function meaning({ documents = [], appends = [] }: Batch): string | undefined {
  if (documents.some(({ collection }) => collection.startsWith('$snapshots:'))) return 'the commit of a snapshot';
  return appends.some(({ stream }) => stream === counterStream) ? 'the append' : undefined;
}

/** A storage with points around all that snapshots ask of it. */
function watched(storage: Storage): Storage {
  const changed = <Part extends object>(part: Part, changes: Partial<Part>): Part =>
    new Proxy(part, {
      get(target, name) {
        const member = Reflect.get(changes, name) ?? Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  const { documents, log } = storage;
  return changed(storage, {
    commit: batch => around(meaning(batch), () => storage.commit(batch)),
    documents: changed(documents, {
      define: collection => around('making the place for snapshots', () => documents.define(collection)),
      get: (collection, key) => around('reading a snapshot', () => documents.get(collection, key)),
    }),
    log: changed(log, {
      readStream: (stream, range) => around('reading the stream', () => log.readStream(stream, range)),
    }),
  });
}

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const storage = await openStorage(`sqlite:${file}`, { clock: systemClock, logger });
const app = await createMillrace({ app: counterApp, store: watched(storage) });
let revision = await storage.log.streamRevision(counterStream);
while (revision < EVENTS_IN_ALL - 1) {
  const by = Math.min(Number(size), EVENTS_IN_ALL - 1 - revision);
  ({ revision } = await app.execute(counter, counterStream, 'count', { by }));
  writeSync(1, `${revision}\n`);
  // What is taken beside an append gets to its end now and then, and now and then the next append comes first.
  if (revision % 2 === 0) await new Promise(resolve => setImmediate(resolve));
}
await app.close();
await storage.close();
writeSync(1, `${JSON.stringify(points)}\n`);
