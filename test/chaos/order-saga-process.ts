import { join } from 'node:path';
import { createMillrace, openStorage, systemClock } from 'millrace';
import type { Batch, Storage } from 'millrace/storage';
import { orderSystem } from '../../examples/order-processing/app.ts';
import type { PlacedOrder } from '../../examples/order-processing/events.ts';
import { Faults } from '../../examples/order-processing/faults.ts';
import { order, orderStream } from '../../examples/order-processing/order.ts';
import { customers } from '../../examples/order-processing/read-models.ts';
import { Ledger } from '../../examples/order-processing/services/ledger.ts';
import { createServices, type Services } from '../../examples/order-processing/services/services.ts';

/*
 * Carries one order through its saga and says as JSON what came of it and which points it passed on the way. It is made to
 * be killed: with a point, it kills itself there.
 *
 *     node order-saga-process.ts <folder> <store> <scenario> [<point>]
 */

const [folder = '', store = '', scenario = '', fatal] = process.argv.slice(2);
const ID = '1';
const SAGA = 'OrderProcessing';
const placed: PlacedOrder = {
  orderId: ID,
  customerId: 'ada',
  date: '1997-01-01',
  items: [{ product: 'compact-disc', quantity: 2 }],
  cents: scenario === 'rejected' ? 0 : 2_000,
};

const points: string[] = [];
const passed = new Map<string, number>();

/** Passes a point; the process ends here if it was told to. */
function pass(name: string): void {
  const nth = (passed.get(name) ?? 0) + 1;
  passed.set(name, nth);
  const point = nth === 1 ? name : `${name} (${nth})`;
  if (point === fatal) process.kill(process.pid, 'SIGKILL');
  points.push(point);
}

/** The books of the services, with points around every effect. */
class WatchedLedger extends Ledger {
  override apply(service: string, orderId: string, key: string, change?: () => void): boolean {
    pass(`before the effect of ${service}`);
    const applied = super.apply(service, orderId, key, change);
    pass(`after the effect of ${service}`);
    return applied;
  }

  override undo(service: string, orderId: string, key: string, change?: () => void): void {
    pass(`before undoing ${service}`);
    super.undo(service, orderId, key, change);
    pass(`after undoing ${service}`);
  }
}

/** What a commit means to the saga; undefined for one of somebody else. */
function meaning({ appends = [], work = [] }: Batch): string | undefined {
  const own = appends.find(({ stream }) => stream.startsWith('$saga-'))?.events[0];
  if (own !== undefined) {
    const { step, undo } = JSON.parse(own.data) as { step?: string; undo?: boolean };
    return ['the commit of', own.type, step, undo ? 'undo' : undefined].filter(Boolean).join(' ');
  }
  if (appends.some(({ stream }) => stream === orderStream(ID))) return 'the commit of the order';
  const queued = work.find(write => write.queue === `saga:${SAGA}`);
  return queued === undefined ? undefined : `the ${queued.op} of the saga's work`;
}

/** A storage with points around every commit of the saga, and around what it does when a process starts. */
function watched(storage: Storage): Storage {
  const around = async <T>(name: string | undefined, run: () => Promise<T>): Promise<T> => {
    if (name === undefined) return run();
    pass(`before ${name}`);
    const result = await run();
    pass(`after ${name}`);
    return result;
  };
  const verbs = <Part extends object>(part: Part, changed: Partial<Part>): Part =>
    new Proxy(part, {
      get(target, name) {
        const member = Reflect.get(changed, name) ?? Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  const { cursors, work, log } = storage;
  /** Only the first one of a process is a point: how many follow is a matter of time. */
  const first = (name: string) => (passed.has(`before ${name}`) ? undefined : name);
  return verbs(storage, {
    commit: batch => around(meaning(batch), () => storage.commit(batch)),
    cursors: verbs(cursors, {
      acquire: request =>
        around(request.processor === `saga:${SAGA}` ? first('taking the cursor') : undefined, () =>
          cursors.acquire(request),
        ),
    }),
    work: verbs(work, {
      claim: request =>
        around(request.queue === `saga:${SAGA}` ? first('the first claim') : undefined, () => work.claim(request)),
    }),
    log: verbs(log, {
      readStream: (stream, options) =>
        around(stream.startsWith('$saga-') ? first('reading the history') : undefined, () =>
          log.readStream(stream, options),
        ),
    }),
  });
}

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const storage = await openStorage(store, { clock: systemClock, logger });
pass('after opening the store');
const ledger = new WatchedLedger(join(folder, 'services.db'));
const declineRate = scenario === 'declined' ? 1 : 0;
const faults = new Faults({ seed: 1, declineRate, flakyRate: scenario === 'flaky' ? 1 : 0, endpointFailureRate: 0 });
const dependable = createServices(ledger, faults);
/** In one scenario the last service never answers, although it does what it is told. */
const services: Services = {
  ...dependable,
  async call(service, orderId, context, run) {
    const result = await dependable.call(service, orderId, context, run);
    if (scenario === 'unanswered' && service === 'notifications') throw new Error('connection reset');
    return result;
  },
};
const system = orderSystem({ services, endpoint: 'http://127.0.0.1:9/big-orders', timeScale: 1_000 });
const app = await createMillrace({ app: system, store: watched(storage) });
pass('after starting the app');
const { position } = await app.execute(order, orderStream(ID), 'place', placed);
const ended = ['COMPLETED', 'COMPENSATED', 'FAILED', 'PARKED', 'COMPENSATION_FAILED'];
const look = () => app.sagas.get(SAGA, ID).catch(() => undefined);
let saga = await look();
while (saga === undefined || !ended.includes(saga.status)) {
  await new Promise(resolve => setTimeout(resolve, 5));
  saga = await look();
}
const events = await app.events.readStream(orderStream(ID));
const rows = (query: string) => ledger.database.prepare(query).all();
const outcome = {
  points,
  status: saga.status,
  timeline: saga.timeline.map(({ type, step, undo, attempt }) => ({ type, step, undo: undo !== null, attempt })),
  order: events.map(({ type }) => type),
  customer: await app.query(customers, { id: 'ada', after: position, timeout: '1m' }),
  effects: rows('SELECT service, key, state FROM effects ORDER BY key'),
  calls: rows('SELECT service, operation, key FROM calls ORDER BY id'),
  work: await storage.work.counts(`saga:${SAGA}`),
};
await app.close();
await storage.close();
ledger.close();
process.stdout.write(`${JSON.stringify(outcome)}\n`);
