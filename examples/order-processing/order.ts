import { defineDecider, rejected } from 'millrace';
import { OrderCancelled, OrderConfirmed, OrderPlaced, OrderRejected, type PlacedOrder } from './events.ts';

interface OrderState {
  readonly status: 'none' | 'placed' | 'confirmed' | 'rejected' | 'cancelled';
  readonly order: PlacedOrder | undefined;
}

/** The life of one order: placed once, then confirmed, rejected or cancelled. Repeating a command that is done changes nothing. */
export const order = defineDecider('order', {
  events: [OrderPlaced, OrderConfirmed, OrderRejected, OrderCancelled],
  initial: (): OrderState => ({ status: 'none', order: undefined }),
  evolve: {
    OrderPlaced: (_state, event) => ({ status: 'placed', order: event.data }),
    OrderConfirmed: state => ({ ...state, status: 'confirmed' }),
    OrderRejected: state => ({ ...state, status: 'rejected' }),
    OrderCancelled: state => ({ ...state, status: 'cancelled' }),
  },
  decide: {
    place: (placed: PlacedOrder, state) => {
      if (state.status === 'none') return [OrderPlaced(placed)];
      if (state.order?.orderId === placed.orderId && state.order.cents === placed.cents) return [];
      throw rejected(`Order ${placed.orderId} exists with other content.`);
    },
    confirm: (_data: object, state) => {
      if (state.status === 'confirmed') return [];
      return [OrderConfirmed(stillOpen(state, 'confirmed'))];
    },
    reject: ({ reason }: { reason: string }, state) => {
      if (state.status === 'rejected') return [];
      return [OrderRejected({ orderId: stillOpen(state, 'rejected').orderId, reason })];
    },
    cancel: ({ reason }: { reason: string }, state) => {
      if (state.status === 'cancelled') return [];
      return [OrderCancelled({ orderId: stillOpen(state, 'cancelled').orderId, reason })];
    },
  },
});

function stillOpen({ status, order: placed }: OrderState, wanted: string): PlacedOrder {
  if (status === 'placed' && placed !== undefined) return placed;
  throw rejected(`An order that is ${status} cannot be ${wanted}.`, { status });
}

/** The stream of an order. */
export function orderStream(orderId: string): string {
  return `order-${orderId}`;
}
