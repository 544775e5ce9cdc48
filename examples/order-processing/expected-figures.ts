import { type PlacedOrder, unitsOf } from './events.ts';
import type { Faults } from './faults.ts';

/** What the shop made in one period. */
export interface PeriodTotals {
  orders: number;
  units: number;
  cents: number;
}

/** The figures that follow from the file of orders and the chosen faults alone. */
export interface OrderFigures {
  orders: number;
  confirmed: number;
  rejected: number;
  cancelled: number;
  customers: number;
  units: number;
  confirmedCents: number;
  months: Record<string, PeriodTotals>;
  weeks: Record<string, { orders: number; cents: number }>;
  sessions: { count: number; longestOrders: number };
  bigOrders: number;
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const SESSION_GAP_MS = 30 * DAY_MS;

/** An order of so many cents is a big one. */
export const BIG_ORDER_CENTS = 10_000;

/**
 * Computes every figure from the orders with plain loops, without any part of Millrace: what the system's own figures are
 * compared with.
 */
export function expectedFigures(orders: readonly PlacedOrder[], faults: Faults): OrderFigures {
  const figures: OrderFigures = {
    orders: orders.length,
    confirmed: 0,
    rejected: 0,
    cancelled: 0,
    customers: new Set(orders.map(order => order.customerId)).size,
    units: 0,
    confirmedCents: 0,
    months: {},
    weeks: {},
    sessions: sessionsOf(orders),
    bigOrders: 0,
  };
  for (const order of orders) {
    addToWeek(figures.weeks, order);
    if (unitsOf(order) === 0 || order.customerId === '' || order.cents === 0) figures.rejected++;
    else if (faults.isDeclined(order.orderId)) figures.cancelled++;
    else confirm(figures, order);
  }
  return figures;
}

function confirm(figures: OrderFigures, order: PlacedOrder): void {
  const units = unitsOf(order);
  figures.confirmed++;
  figures.units += units;
  figures.confirmedCents += order.cents;
  if (order.cents >= BIG_ORDER_CENTS) figures.bigOrders++;
  const month = order.date.slice(0, 7);
  const totals = figures.months[month] ?? { orders: 0, units: 0, cents: 0 };
  figures.months[month] = {
    orders: totals.orders + 1,
    units: totals.units + units,
    cents: totals.cents + order.cents,
  };
}

function addToWeek(weeks: OrderFigures['weeks'], order: PlacedOrder): void {
  const start = Math.floor(Date.parse(order.date) / WEEK_MS) * WEEK_MS;
  const day = new Date(start).toISOString().slice(0, 10);
  const totals = weeks[day] ?? { orders: 0, cents: 0 };
  weeks[day] = { orders: totals.orders + 1, cents: totals.cents + order.cents };
}

/** Orders of one customer belong to one session as long as no more than the gap lies between one and the next. */
function sessionsOf(orders: readonly PlacedOrder[]): OrderFigures['sessions'] {
  const times = new Map<string, number[]>();
  for (const { customerId, date } of orders) {
    const known = times.get(customerId);
    if (known === undefined) times.set(customerId, [Date.parse(date)]);
    else known.push(Date.parse(date));
  }
  let count = 0;
  let longestOrders = 0;
  for (const of of times.values()) {
    of.sort((a, b) => a - b);
    let length = 0;
    of.forEach((time, index) => {
      const begins = index === 0 || time - (of[index - 1] as number) > SESSION_GAP_MS;
      length = begins ? 1 : length + 1;
      if (begins) count++;
      longestOrders = Math.max(longestOrders, length);
    });
  }
  return { count, longestOrders };
}
