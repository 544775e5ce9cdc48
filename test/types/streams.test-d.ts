/*
 * What the types of the streams area must infer and refuse; checked by the compiler alone.
 */
import { z } from 'zod';
import { defineEvent } from '../../src/store/index.ts';
import {
  defineTopology,
  type KeyedStream,
  session,
  type Table,
  type TopologyEngine,
  topic,
  tumbling,
  type WindowedKey,
} from '../../src/streams/index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<Expected>(): <Actual>(
  _: Actual,
  ..._same: Same<Actual, Expected> extends true ? [] : [never]
) => void {
  return () => undefined;
}

const OrderPlaced = defineEvent('OrderPlaced', {
  schema: z.object({ orderId: z.string(), customerId: z.string(), cents: z.number(), date: z.string() }),
});
const OrderShipped = defineEvent('OrderShipped', { schema: z.object({ orderId: z.string() }) });
const out = topic('out', { partitions: 1, retention: 'forever' });
const week = tumbling('7d', { grace: '30d' });
const visit = session('30d', { grace: '30d' });

defineTopology('inferred', topology => {
  // The data of an event is the value unless another is chosen; its stream is the key.
  const plain = topology.events([OrderPlaced], { name: 'plain' });
  expectType<KeyedStream<string, { orderId: string; customerId: string; cents: number; date: string }>>()(plain);
  const chosen = topology.events([OrderPlaced], {
    name: 'chosen',
    key: event => (event.data.cents > 0 ? event.data.customerId : null),
    value: event => ({ cents: event.data.cents }),
    time: event => Date.parse(event.data.date),
  });
  expectType<KeyedStream<string | null, { cents: number }>>()(chosen);
  // Of several events, `type` tells which one it is.
  topology.events([OrderPlaced, OrderShipped], {
    name: 'several',
    value: event => (event.type === 'OrderPlaced' ? event.data.cents : event.data.orderId.length),
  });

  // Types flow through every operator; a predicate that narrows is believed.
  const doubled = plain.mapValues('doubled', order => order.cents * 2).selectKey('by-size', cents => `${cents}`);
  expectType<KeyedStream<`${number}`, number>>()(doubled);
  expectType<KeyedStream<string, boolean>>()(plain.map('big', order => [order.customerId, order.cents > 100]));
  const some = plain.mapValues('maybe', order => (order.cents > 1 ? order.cents : null));
  expectType<KeyedStream<string, number | null>>()(some);
  expectType<KeyedStream<string, number>>()(some.filter('there', cents => cents !== null));

  // Without windows, values are never null; with windows they may be. Keys carry their window.
  expectType<Table<string, number>>()(some.groupByKey().reduce('sum', (sum, cents) => sum + cents));
  const revenue = chosen
    .groupByKey()
    .windowedBy(week)
    .aggregate('revenue', {
      initial: () => ({ cents: 0 }),
      add: (total, { cents }, key) => ({ cents: total.cents + cents + key.length }),
      retention: '1000d',
    });
  expectType<Table<WindowedKey, { cents: number }>>()(revenue);
  const visits = chosen
    .groupBy('by-cents', ({ cents }) => `${cents}`)
    .windowedBy(visit)
    .count('visits');
  expectType<Table<WindowedKey<`${number}`>, number | null>>()(visits);
  const regrouped = revenue.toStream().groupBy('by-start', (_, { start }) => `week-${start}`);
  expectType<Table<`week-${number}`, number>>()(regrouped.count('weeks'));
  revenue.toStream().to(out);

  // @ts-expect-error a windowed key is no text: it must be grouped by something chosen
  revenue.toStream().groupByKey();
  const unmergeable = { initial: () => 0, add: (sum: number) => sum + 1 };
  // @ts-expect-error a session can only be aggregated by something that can merge two of them
  chosen.groupByKey().windowedBy(visit).aggregate('no-merge', unmergeable);
  // @ts-expect-error an aggregate keeps its type
  chosen.groupByKey().aggregate('changing', { initial: () => 0, add: () => 'text' });
  // @ts-expect-error a key is a text
  plain.selectKey('number', order => order.cents);
  // @ts-expect-error there is no such field
  plain.filter('wrong', order => order.weight > 1);
  // @ts-expect-error every node that holds a function has a name
  plain.mapValues(order => order.cents);
  // @ts-expect-error there is no such window
  chosen.groupByKey().windowedBy({ kind: 'hopping', sizeMs: 1, graceMs: 1 });
});

// @ts-expect-error grace decides what is lost, so it has no default
tumbling('7d');
// @ts-expect-error grace decides what is lost, so it has no default
session('30d', {});
// @ts-expect-error there is no unit for weeks
tumbling('1w', { grace: 0 });
// @ts-expect-error a topic says how long it keeps its records
topic('no-retention', { partitions: 1 });

declare const engine: TopologyEngine;
const found = await engine.store<{ cents: number }>('weekly-revenue', 'revenue').window('all', 0);
expectType<number | undefined>()(found?.value.cents);
