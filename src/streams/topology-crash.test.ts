import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MillraceError } from '../core/index.ts';
import type { Storage } from '../storage/index.ts';
import { defineEvent } from '../store/index.ts';
import { createTestEnvironment } from '../testing/index.ts';
import { defineTopology, session, TopologyEngine, topic, tumbling } from './index.ts';

interface Input {
  readonly key: string;
  readonly time: number;
}

/** The process ends at a commit, or a commit fails and the process lives on; the batch was applied before that or not. */
interface Fault {
  readonly afterCommits: number;
  readonly applied: boolean;
  readonly fatal: boolean;
}

const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const;
const Measured = defineEvent('Measured', { schema });

const topology = defineTopology('crashed', builder => {
  const stream = builder.events([Measured], {
    name: 'source',
    key: event => (event.data as Input).key,
    time: event => (event.data as Input).time,
  });
  const keyed = stream.groupByKey();
  const out = (name: string) => topic(name, { partitions: 1, retention: 'forever' });
  keyed
    .windowedBy(tumbling(10, { grace: 5 }))
    .count('tumbling', { retention: 30 })
    .toStream()
    .to(out('windows'));
  keyed
    .windowedBy(session(4, { grace: 5 }))
    .count('sessions', { retention: 40 })
    .toStream()
    .to(out('sessions'));
  keyed.count('all').toStream().to(out('all'));
});

/** A storage as one process sees it: at the fault its commit fails, and if the process dies of it, every later one too. */
function faulty(storage: Storage, fault: Fault | undefined): { storage: Storage; isDead: () => boolean } {
  let commits = 0;
  let dead = false;
  const commit: Storage['commit'] = async batch => {
    if (dead) throw new MillraceError('STORAGE_CLOSED', 'This process is no more.');
    if (fault === undefined || commits++ !== fault.afterCommits) return storage.commit(batch);
    if (fault.applied) await storage.commit(batch);
    dead = fault.fatal;
    throw new MillraceError('STORAGE_UNAVAILABLE', 'The answer was lost.');
  };
  const { capabilities, log, documents, cursors, work, topics, audit } = storage;
  const seen: Storage = {
    ...{ capabilities, log, documents, cursors, work, topics, audit, commit },
    watch: listener => storage.watch(listener),
    announce: address => storage.announce(address),
    close: () => Promise.resolve(),
  };
  return { storage: seen, isDead: () => dead };
}

/** Appends in chunks while one process after the other works, each until its fault; answers everything that is durable in the end. */
async function run(chunks: readonly (readonly Input[])[], faults: readonly Fault[]) {
  const environment = await createTestEnvironment();
  const { clock, storage, events } = environment;
  let processes = 0;
  const launch = async () => {
    const process = faulty(storage, faults[processes]);
    const owner = `process-${processes++}`;
    const own = await createTestEnvironment({ storage: process.storage, clock, owner });
    const engine = new TopologyEngine({ definitions: [topology], environment: own, cacheEntriesMax: 2 });
    await clock.resolve(engine.start());
    return { engine, isDead: process.isDead };
  };
  let running = await launch();
  let position = 0;
  for (const chunk of chunks) {
    const data = chunk.map(input => ({ type: 'Measured', data: input }));
    ({ position } = await clock.resolve(events.append('measure-1', data)));
    await clock.advance(130);
    if (!running.isDead()) continue;
    await clock.resolve(running.engine.stop());
    running = await launch();
  }
  while (running.engine.status('crashed').position < position) {
    await clock.advance(1_000);
    if (!running.isDead()) continue;
    await clock.resolve(running.engine.stop());
    running = await launch();
  }
  const durable = await everything(storage);
  const nodes = await running.engine.nodes('crashed');
  await clock.resolve(running.engine.stop());
  await clock.resolve(storage.close());
  return { ...durable, nodes };
}

async function everything(storage: Storage) {
  const result: Record<string, unknown> = {};
  for (const name of ['windows', 'sessions', 'all']) result[name] = await storage.topics.read(name, 0, 0, 100_000);
  for (const name of ['tumbling', 'sessions', 'all', '$nodes']) {
    result[`store ${name}`] = await storage.topics.scanState(`crashed/${name}`, 0, { limit: 100_000 });
  }
  return result;
}

const chunks = fc.array(
  fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), time: fc.integer({ min: 0, max: 120 }) }), {
    minLength: 1,
    maxLength: 12,
  }),
  { minLength: 1, maxLength: 8 },
);
const faults = fc.array(
  fc.record({ afterCommits: fc.integer({ min: 0, max: 4 }), applied: fc.boolean(), fatal: fc.boolean() }),
  { minLength: 1, maxLength: 5 },
);

test('outputs, state and counts of dropped records are those of an undisturbed run, whenever a process dies', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, faults, async (inputs, planned) => {
      expect(await run(inputs, planned)).toEqual(await run([inputs.flat()], []));
    }),
    { numRuns: 100 },
  );
});
