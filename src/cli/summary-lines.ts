import Table from 'cli-table3';

/** What the demo came to, as far as the command line shows it. */
export interface DemoSummary {
  readonly orders: number;
  readonly confirmed: number;
  readonly rejected: number;
  readonly cancelled: number;
  readonly customers: number;
  readonly units: number;
  readonly confirmedCents: number;
  readonly months: Readonly<Record<string, { orders: number; units: number; cents: number }>>;
  readonly sessions: { readonly count: number; readonly longestOrders: number };
  readonly bigOrders: number;
  readonly sagas: Readonly<Record<string, number>>;
  readonly deliveries: { readonly delivered: number; readonly deadLettered: number };
  readonly effects: { readonly duplicates: number; readonly missing: number };
  readonly eventsAppended: number;
  readonly seconds: number;
  readonly rssMb: number;
  readonly verified: boolean;
}

/** A summary for people. */
export function summaryLines(summary: DemoSummary): readonly string[] {
  const { sagas, deliveries, effects, sessions } = summary;
  const facts: readonly (readonly [string, string])[] = [
    [
      'orders placed',
      `${count(summary.orders)} by ${count(summary.customers)} customers in ${count(sessions.count)} sessions`,
    ],
    [
      'confirmed',
      `${count(summary.confirmed)} orders, ${count(summary.units)} pieces, ${dollars(summary.confirmedCents)}`,
    ],
    ['rejected, cancelled', `${count(summary.rejected)}, ${count(summary.cancelled)}`],
    [
      'sagas',
      Object.entries(sagas)
        .map(([status, number]) => `${count(number)} ${status}`)
        .join(', '),
    ],
    [
      'big orders',
      `${count(summary.bigOrders)}: ${count(deliveries.delivered)} delivered, ${count(deliveries.deadLettered)} dead letters`,
    ],
    ['effects', `${effects.duplicates} doubled, ${effects.missing} missing, by the books of the services`],
    ['events appended', `${count(summary.eventsAppended)} in ${summary.seconds} s, ${summary.rssMb} MB of memory`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    '',
    ...monthTable(summary.months).split('\n'),
    ...facts.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    '',
    summary.verified
      ? 'Verified: every figure equals the one computed from the file of orders.'
      : 'NOT VERIFIED: some figures are not what the file of orders says.',
  ];
}

function monthTable(months: DemoSummary['months']): string {
  const table = new Table({
    head: ['month', 'confirmed', 'pieces', 'revenue'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const [month, { orders, units, cents }] of Object.entries(months).sort()) {
    table.push([month, count(orders), count(units), dollars(cents)]);
  }
  return table.toString();
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function dollars(cents: number): string {
  return (cents / 100).toLocaleString('en-US', { style: 'currency', currency: 'USD' });
}
