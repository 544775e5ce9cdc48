import type { StepContext } from 'millrace';
import { crashAtEveryPoint, expectCompensated } from 'millrace/testing';
import { expect, test } from 'vitest';
import {
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
  type PlacedOrder,
} from '../../examples/order-processing/events.ts';
import { Faults } from '../../examples/order-processing/faults.ts';
import { orderProcessing } from '../../examples/order-processing/order-processing-saga.ts';
import { Ledger } from '../../examples/order-processing/services/ledger.ts';
import { createServices, type Services } from '../../examples/order-processing/services/services.ts';
import { runCount } from '../runs.ts';

const FAULTS = ['crash-before', 'crash-after', 'refuse', 'lose-answer'] as const;
const SAGA = 'OrderProcessing';
const placed: PlacedOrder = {
  orderId: '1',
  customerId: 'ada',
  date: '1997-01-01',
  items: [{ product: 'compact-disc', quantity: 2 }],
  cents: 2_000,
};
const ALL = ['inventory', 'payments', 'loyalty', 'shipping', 'notifications'];

/** How orders end: which steps are undone, and which effects of the services stand or were taken back. */
const scenarios = {
  confirmed: { status: 'COMPLETED', end: 'OrderConfirmed', undone: [], standing: ALL, takenBack: [] },
  flaky: { status: 'COMPLETED', end: 'OrderConfirmed', undone: [], standing: ALL, takenBack: [] },
  declined: {
    ...{ status: 'COMPENSATED', end: 'OrderCancelled', standing: [], takenBack: ['inventory'] },
    undone: ['ReserveInventory', 'ValidateOrder'],
  },
  unanswered: {
    ...{ status: 'COMPENSATED', end: 'OrderCancelled', standing: [], takenBack: ALL },
    undone: [
      ...['SendConfirmation', 'CreateShipment', 'UpdateCustomerPoints', 'ProcessPayment'],
      ...['ReserveInventory', 'ValidateOrder'],
    ],
  },
  rejected: { status: 'FAILED', end: 'OrderRejected', undone: [], standing: [], takenBack: [] },
} as const;

/** The services of the example, with the books that they keep through every crash. */
function servicesFor(scenario: string): Services & { readonly ledger: Ledger } {
  const ledger = new Ledger(':memory:');
  const rates = { declineRate: scenario === 'declined' ? 1 : 0, flakyRate: scenario === 'flaky' ? 1 : 0 };
  const services = createServices(ledger, new Faults({ seed: 1, ...rates, endpointFailureRate: 0 }));
  return {
    ...services,
    ledger,
    async call<Result>(service: string, orderId: string, context: StepContext, run: () => Result): Promise<Result> {
      const result = await services.call(service, orderId, context, run);
      if (scenario === 'unanswered' && service === 'notifications') throw new Error('connection reset');
      return result;
    },
  };
}

test.each(Object.keys(scenarios) as (keyof typeof scenarios)[])(
  'the saga of an order that is %s comes to the same end with every fault at every commit',
  async scenario => {
    const { status, end, undone, standing, takenBack } = scenarios[scenario];
    const { runs, seen } = await crashAtEveryPoint({
      sagas: [orderProcessing(1)],
      faults: FAULTS.slice(0, runCount(2, FAULTS.length)),
      events: [OrderPlaced, OrderConfirmed, OrderCancelled, OrderRejected],
      services: () => servicesFor(scenario),
      run: async (kit, { ledger }) => {
        await kit.append('order-1', [OrderPlaced({ ...placed, cents: scenario === 'rejected' ? 0 : placed.cents })]);
        const saga = await kit.untilSettled(SAGA, '1');
        expectCompensated(saga, undone);
        const order = (await kit.operate(() => kit.events.readStream('order-1'))).map(({ type }) => type);
        const effects = ledger.database.prepare('SELECT service, state FROM effects').all() as {
          service: string;
          state: string;
        }[];
        ledger.close();
        const services = (state: string) =>
          effects.filter(effect => effect.state === state).map(({ service }) => service);
        expect(services('applied').sort()).toEqual([...standing].sort());
        expect(services('undone').sort()).toEqual([...takenBack].sort());
        return { status: saga.status, order };
      },
    });
    expect(runs).toBeGreaterThan(4);
    expect(seen).toEqual({ status, order: ['OrderPlaced', end] });
  },
);
