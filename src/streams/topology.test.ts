import { describe, expect, test } from 'vitest';
import { isMillraceError } from '../core/index.ts';
import { defineEvent } from '../store/index.ts';
import {
  defineTopology,
  describeTopology,
  type GroupedStream,
  session,
  type TopologyBuilder,
  topic,
  tumbling,
} from './index.ts';

const schema = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } } as const;
const Placed = defineEvent('Placed', { schema });
const Shipped = defineEvent('Shipped', { schema });
const out = topic('out', { partitions: 1, retention: 'forever' });
const window = tumbling('7d', { grace: '30d' });

function grouped(topology: TopologyBuilder): GroupedStream<string, unknown> {
  return topology.events([Placed], { name: 'placed' }).groupByKey();
}

test('describes its nodes, stores and topics in the words of Kafka Streams', () => {
  const topology = defineTopology('orders', builder => {
    const events = builder.events([Placed, Shipped], { name: 'source' });
    events.filter('kept', () => true).to(out);
    events
      .groupByKey()
      .windowedBy(window)
      .count('weekly')
      .toStream()
      .to(topic('weekly', { partitions: 2, retention: '7d' }));
  });
  expect(describeTopology(topology)).toBe(
    [
      'Topologies:',
      '   Sub-topology: 0',
      '    Source: source (events: [Placed, Shipped])',
      '      --> kept, weekly',
      '    Processor: kept (stores: [])',
      '      --> to:out',
      '      <-- source',
      '    Sink: to:out (topic: out)',
      '      <-- kept',
      '    Processor: weekly (stores: [weekly])',
      '      --> to:weekly',
      '      <-- source',
      '    Sink: to:weekly (topic: weekly)',
      '      <-- weekly',
      '',
    ].join('\n'),
  );
  expect(topology.events).toEqual([Placed, Shipped]);
});

describe('refuses at definition', () => {
  const refusals: [string, string, (topology: TopologyBuilder) => unknown][] = [
    ['a topology without a source', 'INVALID_DEFINITION', () => undefined],
    ['a source without events', 'INVALID_DEFINITION', t => t.events([], { name: 'none' }).to(out)],
    [
      'a topology that leads to nothing',
      'INVALID_DEFINITION',
      t => t.events([Placed], { name: 'a' }).filter('b', () => true),
    ],
    [
      'two nodes of one name',
      'INVALID_DEFINITION',
      t =>
        t
          .events([Placed], { name: 'a' })
          .filter('a', () => true)
          .to(out),
    ],
    ['a name that no topic could have', 'INVALID_DEFINITION', t => grouped(t).count('a/b')],
    ['an operator without its function', 'UNSUPPORTED_TRANSFORMATION', t => grouped(t).reduce('r', 'sum' as never)],
    [
      'a session aggregate that cannot merge',
      'UNSUPPORTED_TRANSFORMATION',
      t =>
        grouped(t)
          .windowedBy(session(1, { grace: 0 }))
          .aggregate('s', { initial: () => 0, add: () => 1 } as never),
    ],
    [
      'a kind of window that there is not',
      'UNSUPPORTED_WINDOW',
      t => grouped(t).windowedBy({ kind: 'hopping', sizeMs: 1, graceMs: 0 } as never),
    ],
    ['no window', 'UNSUPPORTED_WINDOW', t => grouped(t).windowedBy(undefined as never)],
    [
      'a retention shorter than a window may change',
      'UNSUPPORTED_WINDOW',
      t => grouped(t).windowedBy(window).count('c', { retention: '36d' }),
    ],
  ];
  test.each(refusals)('%s', (_, code, build) => {
    expect(() => defineTopology('refused', build)).toThrow(
      expect.toSatisfy(thrown => isMillraceError(thrown, code as 'INVALID_DEFINITION')),
    );
  });

  test.each([
    ['no name', () => topic('', { partitions: 1, retention: 'forever' })],
    ['no partition', () => topic('t', { partitions: 0, retention: 'forever' })],
    ['no retention', () => topic('t', { partitions: 1 } as never)],
  ])('a topic with %s', (_, make) => {
    expect(make).toThrow(expect.toSatisfy(thrown => isMillraceError(thrown, 'INVALID_DEFINITION')));
  });
});
