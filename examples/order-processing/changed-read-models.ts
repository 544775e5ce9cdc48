import { defineProjection } from 'millrace';
import { OrderConfirmed, OrderPlaced, unitsOf } from './events.ts';

/*
 * The second versions of both read models. An app that defines them beside the first ones builds them while those are read, and swaps when it is
 * told to.
 */

/** Every customer, with what an order comes to on average. */
export const customersWithAverage = defineProjection('customers', {
  version: 2,
  description: 'Orders, pieces, cents and the average order of every customer who placed an order.',
  events: [OrderPlaced],
  key: event => event.data.customerId,
  initial: () => ({ orders: 0, units: 0, spentCents: 0, averageCents: 0, lastOrder: '' }),
  evolve: {
    OrderPlaced: (customer, { data }) => {
      const [orders, spentCents] = [customer.orders + 1, customer.spentCents + data.cents];
      const averageCents = Math.round(spentCents / orders);
      return { orders, units: customer.units + unitsOf(data), spentCents, averageCents, lastOrder: data.date };
    },
  },
  indexes: ['spentCents', 'averageCents', 'lastOrder'],
});

/** What was confirmed in every month, with the greatest order. */
export const monthsWithGreatest = defineProjection('months', {
  version: 2,
  description: 'Confirmed orders, pieces, cents and the greatest order by the month of the order.',
  events: [OrderConfirmed],
  key: event => event.data.date.slice(0, 7),
  initial: () => ({ orders: 0, units: 0, cents: 0, greatestCents: 0 }),
  evolve: {
    OrderConfirmed: (month, { data }) => ({
      orders: month.orders + 1,
      units: month.units + unitsOf(data),
      cents: month.cents + data.cents,
      greatestCents: Math.max(month.greatestCents, data.cents),
    }),
  },
});
