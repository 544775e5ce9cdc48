import { type Backoff, declined, defineSaga, send } from 'millrace';
import { OrderPlaced, orderSchema, type PlacedOrder } from './events.ts';
import { order, orderStream } from './order.ts';
import type { Services } from './services/services.ts';

/**
 * What happens to an order after it was placed: six steps, each with its undo. Every call carries the step's idempotency key, so
 * that repeating it after a crash or a lost answer changes nothing. `timeScale` divides the waits between tries.
 */
export function orderProcessing(timeScale: number) {
  const retry = (kind: 'fixed' | 'linear' | 'exponential', attempts: number, base: number): Backoff => ({
    kind,
    attempts,
    base: (base * 1_000) / timeScale,
  });
  return defineSaga<Services>('OrderProcessing', 1)
    .input(orderSchema)
    .description('Takes a placed order to its confirmation, or undoes what was done for it.')
    .timeout('30m')
    .startOn(OrderPlaced, event => ({ id: event.data.orderId, input: event.data }))
    .step('ValidateOrder', {
      description: 'Checks that there is something to sell and someone to sell it to.',
      timeout: '30s',
      retry: retry('exponential', 3, 1),
      run: async ({ input, context }) => {
        checkOrder(input);
        return { valid: true, validatedAt: new Date(context.now()).toISOString() };
      },
      // A check has no effect outside, so there is nothing to take back.
      compensate: async () => undefined,
    })
    .step('ReserveInventory', {
      timeout: '45s',
      retry: retry('linear', 5, 2),
      run: ({ input, services, context }) =>
        services.call('inventory', input.orderId, context, () =>
          services.inventory.reserve(input, context.idempotencyKey),
        ),
      undoName: 'ReleaseInventory',
      compensate: async ({ input, services, context }) => services.inventory.release(input, context.stepKey),
    })
    .step('ProcessPayment', {
      timeout: '2m',
      retry: retry('exponential', 3, 5),
      run: ({ input, services, context }) =>
        services.call('payments', input.orderId, context, () =>
          services.payments.charge(input, context.idempotencyKey),
        ),
      undoName: 'RefundPayment',
      compensate: async ({ input, services, context }) => services.payments.refund(input, context.stepKey),
    })
    .step('UpdateCustomerPoints', {
      timeout: '30s',
      retry: retry('fixed', 3, 1),
      run: ({ input, services, context }) =>
        services.call('loyalty', input.orderId, context, () => services.loyalty.credit(input, context.idempotencyKey)),
      undoName: 'RevertCustomerPoints',
      compensate: async ({ input, services, context }) => services.loyalty.revert(input, context.stepKey),
    })
    .step('CreateShipment', {
      timeout: '1m',
      retry: retry('exponential', 3, 2),
      run: ({ input, services, context }) =>
        services.call('shipping', input.orderId, context, () =>
          services.shipping.create(input, context.idempotencyKey),
        ),
      undoName: 'CancelShipment',
      compensate: async ({ input, services, context }) => services.shipping.cancel(input, context.stepKey),
    })
    .step('SendConfirmation', {
      timeout: '30s',
      retry: retry('linear', 5, 1),
      run: ({ input, services, context }) =>
        services.call('notifications', input.orderId, context, () =>
          services.notifications.confirm(input, context.idempotencyKey),
        ),
      undoName: 'SendCancellationNotification',
      compensate: async ({ input, services, context }) => services.notifications.cancel(input, context.stepKey),
    })
    .onEnd({
      completed: ({ id }) => send(order, orderStream(id), 'confirm', {}),
      compensated: ({ id, error }) => send(order, orderStream(id), 'cancel', { reason: error.message }),
      failed: ({ id, error }) => send(order, orderStream(id), 'reject', { reason: error.message }),
    })
    .build();
}

/** An order that lacks something can never be carried out, so trying again would not help. */
function checkOrder({ orderId, customerId, items, cents }: PlacedOrder): void {
  if (items.length === 0 || items.every(({ quantity }) => quantity === 0)) {
    throw declined(`Order ${orderId} has no items.`);
  }
  if (customerId === '') throw declined(`Order ${orderId} has no customer.`);
  if (cents === 0) throw declined(`Order ${orderId} has no value.`);
}
