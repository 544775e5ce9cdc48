import { createHash } from 'node:crypto';
import type { HttpTransport } from 'millrace';
import { createMillrace, type Millrace, type Random, seededRandom } from 'millrace';
import { openSqlite } from 'millrace/sqlite';
import type { Storage } from 'millrace/storage';
import { type CommitFault, faultyStorage, VirtualClock } from 'millrace/testing';
import { actualFigures, droppedRecords } from '../../examples/order-processing/actual-figures.ts';
import { orderSystem } from '../../examples/order-processing/app.ts';
import type { PlacedOrder } from '../../examples/order-processing/events.ts';
import type { Faults } from '../../examples/order-processing/faults.ts';
import { OrderPlacer } from '../../examples/order-processing/order-placer.ts';
import { Ledger } from '../../examples/order-processing/services/ledger.ts';
import { createServices, SERVICES, type Services } from '../../examples/order-processing/services/services.ts';

/** What a simulated run came to. */
export interface SimulationResult {
  readonly figures: Awaited<ReturnType<typeof actualFigures>>;
  readonly dropped: number;
  readonly parked: number;
  /** How many times the process was started. */
  readonly lives: number;
  /** How many commits were made to fail, by kind. */
  readonly injected: Readonly<Record<CommitFault, number>>;
  /** Whether an effect of a service stands for an order, by service. */
  readonly ledger: ReadonlyMap<string, ReturnType<Ledger['counts']>>;
  readonly pendingDeliveries: number;
  /** SHA-256 over every event of the log: equal runs have equal ones, down to ids and times. */
  readonly logDigest: string;
  /** Virtual time that passed, in milliseconds. */
  readonly elapsedMs: number;
}

const FAULTS: readonly CommitFault[] = ['refuse', 'lose-answer', 'crash-before', 'crash-after'];
const SERVICE_DELAY_MS = 50;
/** Longer than any run needs: one that is not through by then has got stuck. */
const LIFE_MS_MAX = 2 * 3_600_000;

/**
 * Runs the whole order system in virtual time, in one thread: services and endpoint answer after random delays, and a share of
 * all commits is refused, loses its answer, or ends the process. After a crash a new process goes on with the same storage.
 * Everything that happens follows from the seed.
 */
export async function simulate(options: {
  seed: number;
  orders: readonly PlacedOrder[];
  faults: Faults;
  /** Share of commits that fail. */
  faultRate: number;
}): Promise<SimulationResult> {
  const { seed, orders, faults, faultRate } = options;
  const chance = seededRandom(seed);
  const clock = new VirtualClock({ random: seededRandom(seed + 1) });
  const storage = await openSqlite({ file: ':memory:', clock });
  const ledger = new Ledger(':memory:');
  const injected: Record<CommitFault, number> = { refuse: 0, 'lose-answer': 0, 'crash-before': 0, 'crash-after': 0 };
  const services = slowed(createServices(ledger, faults), clock, chance);
  const app = orderSystem({ services, endpoint: 'http://127.0.0.1/big-orders', timeScale: 1 });
  const transport = endpoint(ledger, faults, clock, chance);
  for (let lives = 1; ; lives++) {
    const faulty = faultyStorage(storage, () => {
      if (chance.fraction() >= faultRate) return undefined;
      const fault = FAULTS[chance.uint32() % FAULTS.length] as CommitFault;
      injected[fault]++;
      return fault;
    });
    const random = seededRandom(seed + 2 + lives);
    const running = await clock.resolve(
      createMillrace({ app, store: faulty, clock, random, transport }).catch(() => undefined),
    );
    if (running === undefined) continue;
    let finished: boolean | undefined;
    const placer = new OrderPlacer(running, orders, clock);
    const isOver = async (): Promise<boolean> => finished === true || faulty.crashed;
    void finish(running, placer, clock, isOver).then(result => {
      finished = result;
    });
    await clock.runUntil(() => finished !== undefined || faulty.crashed, LIFE_MS_MAX);
    await clock.resolve(running.close());
    if (finished !== true) continue;
    const view = await clock.resolve(createMillrace({ app, store: storage, clock, random, transport }));
    const result = await clock.resolve(resultOf(view, storage, orders.length));
    await clock.resolve(view.close());
    const counts = new Map(['endpoint', ...SERVICES].map(service => [service, ledger.counts(service)]));
    ledger.close();
    await clock.resolve(storage.close());
    return { ...result, lives, injected, ledger: counts, elapsedMs: clock.monotonic() };
  }
}

/** Sees every order to its end; false when the process crashed before. */
async function finish(
  app: Millrace,
  placer: OrderPlacer,
  clock: VirtualClock,
  isOver: () => Promise<boolean>,
): Promise<boolean> {
  try {
    await placer.run(isOver);
    while (!(await isOver())) {
      const { projections, processors } = app.status();
      const deliveries = await app.router.deliveries();
      const head = await app.storage.log.head();
      if (deliveries.pending === 0 && [...projections, ...processors].every(({ position }) => position >= head))
        return true;
      await new Promise<void>(resolve => clock.schedule(100, resolve));
    }
    return false;
  } catch {
    return false;
  }
}

async function resultOf(app: Millrace, storage: Storage, placed: number) {
  const counts = (await app.sagas.counts())['OrderProcessing'] ?? {};
  const deliveries = await app.router.deliveries();
  const digest = createHash('sha256');
  const { events } = await storage.log.readLog({ after: 0, limit: 10_000 });
  for (const event of events) digest.update(JSON.stringify(event));
  return {
    figures: await actualFigures(app, placed),
    dropped: await droppedRecords(app),
    parked: (counts.COMPENSATION_FAILED ?? 0) + (counts.PARKED ?? 0),
    pendingDeliveries: deliveries.pending,
    logDigest: digest.digest('hex'),
  };
}

/** Services that take their time, so that steps of many orders overlap. */
function slowed(services: Services, clock: VirtualClock, chance: Random): Services {
  return {
    ...services,
    async call(service, orderId, context, run) {
      await new Promise<void>(resolve => clock.schedule(chance.fraction() * SERVICE_DELAY_MS, resolve));
      return services.call(service, orderId, context, run);
    },
  };
}

/** The warehouse's endpoint without a network: fails some requests, and some answers get lost on the way. */
function endpoint(ledger: Ledger, faults: Faults, clock: VirtualClock, chance: Random): HttpTransport {
  const requests = new Map<string, number>();
  return {
    async send({ headers, body }) {
      await new Promise<void>(resolve => clock.schedule(chance.fraction() * SERVICE_DELAY_MS, resolve));
      const { orderId } = JSON.parse(body) as { orderId: string };
      const nth = (requests.get(orderId) ?? 0) + 1;
      requests.set(orderId, nth);
      if (faults.endpointFails(orderId, nth)) return { status: 500, headers: {}, body: '' };
      ledger.apply('endpoint', orderId, headers['webhook-id'] as string);
      if (chance.fraction() < 0.1) throw new Error('connection reset');
      return { status: 204, headers: {}, body: '' };
    },
  };
}
