import { createMillrace, type Logger, type Millrace, systemClock } from 'millrace';
import { startServer } from 'millrace/server';
import { orderSystem } from './app.ts';
import { prepareFiles } from './demo-files.ts';
import { type DemoOptions, ENDPOINT_FAILURE_RATE } from './demo-options.ts';
import { Faults } from './faults.ts';
import { readOrderFile } from './order-file.ts';
import { OrderPlacer } from './order-placer.ts';
import { Ledger } from './services/ledger.ts';
import { createServices } from './services/services.ts';
import { summarise, type VerifiedSummary } from './summary.ts';
import { WarehouseEndpoint } from './warehouse-endpoint.ts';

/** What the demo tells while it runs. */
export interface DemoReporter {
  /** The system is up; the dashboard can be looked at. */
  started(address: string, orders: number): void;
  /** How many orders have ended of how many. */
  progress(ended: number, orders: number): void;
}

/** A demo that has processed its orders and still serves its dashboard. */
export interface FinishedDemo extends VerifiedSummary {
  readonly address: string;
  /** Stops serving and closes everything. */
  close(): Promise<void>;
}

const PROGRESS_MS = 100;
const SETTLED_POLL_MS = 20;

/**
 * Runs the order system on a file of real orders: places them, sees every saga to its end and every delivery to the warehouse, and
 * sums up. Killed at any moment and run again with `resume`, it comes to the same summary.
 */
export async function runDemo(options: DemoOptions, reporter: DemoReporter, logger: Logger): Promise<FinishedDemo> {
  const started = performance.now();
  const orders = readOrderFile(options.orders);
  const files = await prepareFiles(options);
  const faults = new Faults({ ...options, endpointFailureRate: ENDPOINT_FAILURE_RATE });
  const cleanUp: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const end of cleanUp.splice(0).reverse()) await end();
  };
  try {
    const ledger = new Ledger(files.ledger);
    cleanUp.push(() => ledger.close());
    const endpoint = new WarehouseEndpoint(ledger, faults);
    const url = await endpoint.start();
    cleanUp.push(() => endpoint.stop());
    const services = createServices(ledger, faults);
    const system = orderSystem({ services, endpoint: url, timeScale: options.timeScale });
    const app = await createMillrace({ app: system, store: files.store, logger, processMetrics: true });
    cleanUp.push(() => app.close());
    const server = await startServer({ app, ...(options.port === undefined ? {} : { port: options.port }) });
    cleanUp.push(() => server.close());
    reporter.started(server.address, orders.length);

    const placer = new OrderPlacer(app, orders, systemClock);
    const ticking = setInterval(() => reporter.progress(placer.ended, orders.length), PROGRESS_MS);
    try {
      await placer.run(() => onlyParkedAreLeft(app, placer));
      await settled(app);
    } finally {
      clearInterval(ticking);
    }
    reporter.progress(placer.ended, orders.length);
    const seconds = (performance.now() - started) / 1000;
    const { placed } = placer;
    const sum = await summarise({ app, orders, placed, faults, ledger, endpoint, seconds });
    return { ...sum, address: server.address, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Whether the orders that have not ended wait for a person: then they would be waited for in vain. */
async function onlyParkedAreLeft(app: Millrace, { placed, ended }: OrderPlacer): Promise<boolean> {
  const counts = (await app.sagas.counts())['OrderProcessing'] ?? {};
  const parked = (counts.COMPENSATION_FAILED ?? 0) + (counts.PARKED ?? 0);
  return parked > 0 && ended + parked >= placed;
}

/** Waits until everything has followed the log to its end and every delivery is settled. */
async function settled(app: Millrace): Promise<void> {
  for (;;) {
    const { projections, processors } = app.status();
    const followed = [...projections, ...processors].every(({ lag, state }) => lag === 0 || state === 'failed');
    if (followed && (await app.router.deliveries()).pending === 0) return;
    await new Promise(resolve => setTimeout(resolve, SETTLED_POLL_MS));
  }
}
