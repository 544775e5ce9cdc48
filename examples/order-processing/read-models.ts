import { defineProjection } from 'millrace';
import { OrderConfirmed, OrderPlaced, unitsOf } from './events.ts';

/** Every customer who has placed an order, and what was ordered. */
export const customers = defineProjection('customers', {
  version: 1,
  description: 'Orders, pieces and cents of every customer who placed an order.',
  events: [OrderPlaced],
  key: event => event.data.customerId,
  initial: () => ({ orders: 0, units: 0, spentCents: 0, lastOrder: '' }),
  evolve: {
    OrderPlaced: (customer, { data }) => ({
      orders: customer.orders + 1,
      units: customer.units + unitsOf(data),
      spentCents: customer.spentCents + data.cents,
      lastOrder: data.date,
    }),
  },
  indexes: ['spentCents', 'lastOrder'],
});

/** What was confirmed in every month. */
export const months = defineProjection('months', {
  version: 1,
  description: 'Confirmed orders, pieces and cents by the month of the order.',
  events: [OrderConfirmed],
  key: event => event.data.date.slice(0, 7),
  initial: () => ({ orders: 0, units: 0, cents: 0 }),
  evolve: {
    OrderConfirmed: (month, { data }) => ({
      orders: month.orders + 1,
      units: month.units + unitsOf(data),
      cents: month.cents + data.cents,
    }),
  },
});
