import { expect, test } from 'vitest';
import { PrometheusMetrics } from './prometheus-metrics.ts';

test('what was counted and observed is there when metrics are collected, however much it was', async () => {
  const metrics = new PrometheusMetrics();
  const events = metrics.counter({ name: 'events_total', help: 'Events.', labels: ['category'] });
  const duration = metrics.histogram({ name: 'duration_seconds', help: 'Time.' });
  for (let event = 0; event < 1_000; event++) {
    events.add(2, { category: event % 2 === 0 ? 'order' : 'customer' });
    duration.observe(0.002);
  }
  metrics.counter({ name: 'events_total', help: 'Events.', labels: ['category'] }).add(1, { category: 'order' });
  const { text } = await metrics.collect();
  expect(text).toContain('events_total{category="order"} 1001');
  expect(text).toContain('events_total{category="customer"} 1000');
  expect(text).toContain('duration_seconds_count 1000');
  expect(text).toContain('duration_seconds_bucket{le="0.001"} 0');
  expect(text).toContain('duration_seconds_bucket{le="0.0025"} 1000');
});
