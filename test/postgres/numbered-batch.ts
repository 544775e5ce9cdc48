import type { Batch, Storage } from '../../src/storage/index.ts';
import { sampleAppend, sampleEvent } from '../../src/testing/conformance/sample-event.ts';

/** Partitions of the topic to which each batch produces a record. */
const PARTITIONS = 8;
const TOPIC = 'numbers';
const QUEUE = 'numbers';
const PAGE = 5_000;
/** So many that a decision on the events of one often still stands when it is committed, and so few that it often does not. */
const TAGS = 97;

/** What a numbered batch holds. */
export type NumberedBatch = Required<Pick<Batch, 'appends' | 'work' | 'topics'>>;

/** Makes what the batches write to. */
export function defineNumbers(storage: Storage): Promise<void> {
  return storage.topics.define({ name: TOPIC, partitions: PARTITIONS, retention: 'forever' });
}

/** The tag that the events of a batch have in the streams that many write to. */
export function tagOf(number: number): string {
  return `tag:${number % TAGS}`;
}

/**
 * A batch that leaves its number in the log, in a queue and in a topic. Its events are said to be fresh: stored twice, they
 * would stand there twice, or be refused; nothing but the group's own id keeps them from it. One that was decided on the events that
 * have its tag says how many those were.
 */
export function numberedBatch(writer: string, number: number, seen?: number): NumberedBatch {
  const name = `${writer} ${number}`;
  const events = (count: number, tags: readonly string[]) =>
    Array.from({ length: count }, (_, n) => ({
      ...sampleEvent({ data: JSON.stringify({ name, n, seen }), type: `Type${number % 3}`, tags }),
      fresh: true,
    }));
  return {
    appends: [
      sampleAppend(`hot-${number % 5}`, 'any', events(1 + (number % 3), [tagOf(number)])),
      sampleAppend(`own-${writer}-${number}`, 'noStream', events(number % 2, [])),
    ],
    work: [{ op: 'enqueue', queue: QUEUE, key: name, payload: '1', dueAt: 0 }],
    topics: [
      {
        op: 'produce',
        topic: TOPIC,
        partition: number % PARTITIONS,
        records: [{ key: null, value: name, timestamp: 0 }],
      },
    ],
  };
}

/** How many events the batch with a number has. */
function eventsOf(number: number): number {
  return 1 + (number % 3) + (number % 2);
}

/** What is wrong with what batches left in a store; nothing when each that was answered is there once, and each whole. */
export async function flawsOf(storage: Storage, answered: Iterable<string>): Promise<string[]> {
  const flaws: string[] = [];
  const inLog = new Map<string, number[]>();
  let position = 0;
  const revisions = new Map<string, number>();
  const tagged = new Map<string, number>();
  for (;;) {
    const { events } = await storage.log.readLog({ after: position, limit: PAGE });
    if (events.length === 0) break;
    for (const event of events) {
      if (event.position !== ++position) flaws.push(`position ${event.position} stands where ${position} should`);
      const revision = (revisions.get(event.stream) ?? -1) + 1;
      if (event.revision !== revision)
        flaws.push(`revision ${event.revision} of ${event.stream} should be ${revision}`);
      revisions.set(event.stream, event.revision);
      const { name, n, seen } = JSON.parse(event.data) as { name: string; n: number; seen?: number };
      for (const tag of event.tags) {
        const before = tagged.get(tag) ?? 0;
        if (seen !== undefined && seen !== before - n) {
          flaws.push(`${name} was decided on ${seen} events with ${tag}, and stands behind ${before - n}`);
        }
        tagged.set(tag, before + 1);
      }
      inLog.set(name, [...(inLog.get(name) ?? []), event.position]);
      position = event.position;
    }
  }
  for (const [name, positions] of inLog) {
    const wanted = eventsOf(Number(name.split(' ')[1]));
    const together = positions.every((at, n) => at === (positions[0] as number) + n);
    if (positions.length !== wanted || !together) flaws.push(`${name} stands at ${positions}, not ${wanted} together`);
  }
  for (const name of answered) if (!inLog.has(name)) flaws.push(`${name} was answered and is not in the log`);
  flaws.push(...differences('the queue', await itemsOf(storage), inLog));
  flaws.push(...differences('the topic', await recordsOf(storage), inLog));
  return flaws;
}

function differences(where: string, found: readonly string[], inLog: ReadonlyMap<string, unknown>): string[] {
  const names = new Set(found);
  return [
    ...(names.size === found.length ? [] : [`${where} holds ${found.length - names.size} twice`]),
    ...[...inLog.keys()].filter(name => !names.has(name)).map(name => `${name} is in the log and not in ${where}`),
    ...[...names].filter(name => !inLog.has(name)).map(name => `${name} is in ${where} and not in the log`),
  ];
}

async function itemsOf({ work }: Storage): Promise<string[]> {
  const names: string[] = [];
  for (let after: string | undefined; ; after = names.at(-1)) {
    const options = { state: 'ready' as const, limit: PAGE, ...(after === undefined ? {} : { after }) };
    const items = await work.list(QUEUE, options);
    names.push(...items.map(({ key }) => key));
    if (items.length < PAGE) return names;
  }
}

async function recordsOf({ topics }: Storage): Promise<string[]> {
  const names: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const records = await topics.read(TOPIC, partition, 0, 1_000_000);
    records.forEach(({ offset }, index) => {
      if (offset !== index) throw new Error(`offset ${offset} of partition ${partition} stands at ${index}`);
    });
    if ((await topics.end(TOPIC, partition)) !== records.length)
      throw new Error('the end is not behind the last record');
    names.push(...records.map(({ value }) => value as string));
  }
  return names;
}
