import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Random, seededRandom } from 'millrace';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const module = fileURLToPath(new URL('./order-saga-process.ts', import.meta.url));
const chosen = seed();
/** Children at work at once. */
const SIDE_BY_SIDE = 3;
const FORWARD = ['inventory', 'payments', 'loyalty', 'shipping', 'notifications'];

/** What a child says of the order that it carried to its end. */
interface Outcome {
  readonly points: readonly string[];
  readonly status: string;
  readonly timeline: readonly { type: string; step: string | null; undo: boolean; attempt: number | null }[];
  readonly order: readonly string[];
  readonly customer: object;
  readonly effects: readonly { service: string; key: string; state: string }[];
  readonly calls: readonly { service: string; operation: string; key: string }[];
  readonly work: object;
}

/** How an order ends when nothing is killed: its events, and which effects of the services stand or were undone. */
const scenarios = {
  confirmed: { status: 'COMPLETED', end: 'OrderConfirmed', applied: FORWARD, undone: [] },
  flaky: { status: 'COMPLETED', end: 'OrderConfirmed', applied: FORWARD, undone: [] },
  declined: { status: 'COMPENSATED', end: 'OrderCancelled', applied: [], undone: ['inventory'] },
  unanswered: { status: 'COMPENSATED', end: 'OrderCancelled', applied: [], undone: FORWARD },
  rejected: { status: 'FAILED', end: 'OrderRejected', applied: [], undone: [] },
} as const;

/** Points that every process passes when it starts. */
const STARTING = [
  'after opening the store',
  'before taking the cursor',
  'after taking the cursor',
  'before the first claim',
  'after the first claim',
  'before reading the history',
  'after starting the app',
];

/** Where a child keeps its orders, and where the services have their books. */
interface Place {
  readonly folder: string;
  readonly store: string;
}

function onFile(): Place {
  const folder = temporaryFolder();
  return { folder, store: `sqlite:${join(folder, 'orders.db')}` };
}

/** Runs a child to its end, or until it kills itself; answers what it said. */
function run({ folder, store }: Place, scenario: string, fatal?: string): Promise<Outcome | 'killed'> {
  const args = [module, folder, store, scenario, ...(fatal === undefined ? [] : [fatal])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve('killed');
      else if (code === 0) resolve(JSON.parse(said) as Outcome);
      else reject(new Error(`The child ended with ${code ?? signal} (${scenario}, ${fatal ?? 'to its end'}).`));
    });
  });
}

/** Whatever was killed on the way: the same end, every effect once, nothing missing, and undone strictly in reverse. */
function expectSameEnd(outcome: Outcome | 'killed', scenario: keyof typeof scenarios, label: string): void {
  if (outcome === 'killed') throw new Error(`${label}: it was killed where it should not have been`);
  const { status, end, applied, undone } = scenarios[scenario];
  const { effects, calls, timeline } = outcome;
  const standing = (state: string) => effects.filter(effect => effect.state === state).map(({ service }) => service);
  expect(outcome, label).toMatchObject({
    status,
    order: ['OrderPlaced', end],
    customer: { orders: 1, units: 2 },
    work: { ready: 0, parked: 0, done: 0 },
  });
  expect(standing('applied').sort(), label).toEqual([...applied].sort());
  expect(standing('undone').sort(), label).toEqual([...undone].sort());
  expect(new Set(effects.map(({ key }) => key)).size, `${label}: one key for each service`).toBe(effects.length);
  const undoing = calls.filter(({ operation }) => operation === 'undo').map(({ service }) => service);
  expect(withoutRepeats(undoing), `${label}: undone in reverse`).toEqual([...undone].reverse());
  for (const type of ['SagaStepCompleted', 'SagaStepUndone']) {
    const steps = timeline.filter(moment => moment.type === type).map(({ step }) => step);
    expect(new Set(steps).size, `${label}: ${type} twice for a step`).toBe(steps.length);
  }
  expect(
    timeline.filter(({ type }) => /^Saga(Completed|Compensated|Failed)$/.test(type)),
    label,
  ).toHaveLength(1);
}

/** An undo that a crash interrupted is called again before the next one begins: that is one. */
function withoutRepeats(services: readonly string[]): string[] {
  return services.filter((service, index) => service !== services[index - 1]);
}

/** As many of them as are wanted, chosen by chance, or all. */
function some<T>(all: readonly T[], count: number, chance: Random): readonly T[] {
  const left = [...all];
  const taken: T[] = [];
  while (taken.length < count && left.length > 0) taken.push(...left.splice(chance.uint32() % left.length, 1));
  return taken;
}

/** Kills children at points of their way, each on a place of its own, and lets others go on: they come to the same end. */
async function killAndGoOn(
  scenario: keyof typeof scenarios,
  place: () => Place,
  { count, sideBySide }: { readonly count: number; readonly sideBySide: number },
): Promise<void> {
  const chance = seededRandom(chosen);
  const undisturbed = await run(place(), scenario);
  expectSameEnd(undisturbed, scenario, 'undisturbed');
  const { points } = undisturbed as Outcome;
  expect(points).toEqual(expect.arrayContaining(STARTING));
  // Every third run is killed a second time, while it starts to go on.
  const cases = some(points, count, chance).map((point, index) => {
    const again = index % 3 === 2 ? some(STARTING, 1, chance) : [];
    return { at: place(), fatal: [point, ...again] };
  });
  expect(cases.length).toBeGreaterThan(0);
  const worker = async (): Promise<void> => {
    for (let next = cases.pop(); next !== undefined; next = cases.pop()) {
      const { at, fatal } = next;
      const label = `killed ${fatal.join(', then ')}`;
      for (const point of fatal) expect(await run(at, scenario, point), label).toBe('killed');
      expectSameEnd(await run(at, scenario), scenario, label);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, worker));
}

const all = Object.keys(scenarios) as (keyof typeof scenarios)[];

describe.each(all)('the saga of an order that is %s', scenario => {
  test(`comes to the same end, at whatever point its process is killed (seed ${chosen})`, () =>
    killAndGoOn(scenario, onFile, { count: runCount(5, Number.POSITIVE_INFINITY), sideBySide: SIDE_BY_SIDE }));
});

describe('on PostgreSQL', needsPostgres, () => {
  let server: PostgresServer;
  let places = 0;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** A schema of its own: what one child left behind is only for those that go on with it. */
  const inSchema = (): Place => {
    const url = new URL(server.url);
    url.searchParams.set('schema', `orders_${++places}`);
    return { folder: temporaryFolder(), store: url.href };
  };

  // What a killed process held is another's when its lease has ended: most of the time of this test nothing runs.
  test(`the saga of every order comes to the same end, at whatever point its process is killed (seed ${chosen})`, async () => {
    const count = runCount(1, Number.POSITIVE_INFINITY);
    const tried = some(all, runCount(2, all.length), seededRandom(chosen));
    await Promise.all(tried.map(scenario => killAndGoOn(scenario, inSchema, { count, sideBySide: SIDE_BY_SIDE })));
  });
});
