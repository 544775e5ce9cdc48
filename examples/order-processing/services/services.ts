import type { StepContext } from 'millrace';
import type { Faults } from '../faults.ts';
import { Inventory } from './inventory.ts';
import type { Ledger } from './ledger.ts';
import { Loyalty } from './loyalty.ts';
import { Notifications } from './notifications.ts';
import { Payments } from './payments.ts';
import { Shipping } from './shipping.ts';

/** What the order saga calls: five services with books of their own, over a line that sometimes fails. */
export interface Services {
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly loyalty: Loyalty;
  readonly shipping: Shipping;
  readonly notifications: Notifications;
  /** Makes a call as a network would: the first attempt may fail, before the service had its effect or after. */
  call<Result>(service: string, orderId: string, context: StepContext, run: () => Result): Promise<Result>;
}

/** The services whose every confirmed order has exactly one standing effect. */
export const SERVICES = ['inventory', 'payments', 'loyalty', 'shipping', 'notifications'] as const;

/** Makes the services on one ledger. */
export function createServices(ledger: Ledger, faults: Faults): Services {
  return {
    inventory: new Inventory(ledger),
    payments: new Payments(ledger, orderId => faults.isDeclined(orderId)),
    loyalty: new Loyalty(ledger),
    shipping: new Shipping(ledger),
    notifications: new Notifications(ledger),
    async call(service, orderId, { attempt }, run) {
      const first = attempt === 1 ? faults.firstAttempt(service, orderId) : 'well';
      if (first === 'fails before') throw new Error(`${service} did not answer: connection refused`);
      const result = run();
      if (first === 'fails after') throw new Error(`${service} did not answer: connection reset`);
      return result;
    },
  };
}
