import { expect, test } from 'vitest';
import type { Frame, Processor } from './api-shapes.ts';
import { healthOf } from './health.ts';

const processor = (name: string, changes: Partial<Processor> = {}): Processor => ({
  name,
  state: 'live',
  position: 10,
  head: 10,
  lag: 0,
  advancedAt: 0,
  reason: null,
  failedAt: null,
  ...changes,
});
const frame = (changes: Partial<Frame> = {}): Frame => ({
  head: 10,
  at: 0,
  appendsPerSecond: 0,
  projections: [processor('customers', { state: 'running', phase: 'live' })],
  processors: [processor('router')],
  sagas: {},
  deliveries: { pending: 0, delivered: 0, deadLettered: 0, routes: {} },
  ...changes,
});

test('all is well when everything has come to the head', () => {
  expect(healthOf(frame())).toEqual({ level: 'good', sentence: 'All 2 processors are up to date', troubles: [] });
});

test('being behind is no trouble while it gets less', () => {
  const { level, sentence } = healthOf(frame({ processors: [processor('router', { lag: 1_200 })] }));
  expect({ level, sentence }).toEqual({
    level: 'good',
    sentence: 'All 2 processors are at work, 1,200 events behind at most',
  });
});

test('what does not get on is named with its reason', () => {
  const reason = { code: 'PROJECTION_FAILED', message: 'total is undefined' };
  const health = healthOf(
    frame({ projections: [processor('customers', { state: 'failed', phase: 'catching-up', lag: 3, reason })] }),
  );
  expect(health.level).toBe('bad');
  expect(health.sentence).toBe('1 thing needs attention');
  expect(health.troubles).toMatchObject([{ what: 'Projection customers has failed, 3 behind', reason }]);
});

test('what has failed falls behind as the log grows, although it no longer sees that', () => {
  const failed = processor('customers', { state: 'failed', position: 10, head: 12, lag: 2 });
  const { troubles } = healthOf(frame({ head: 500, projections: [failed] }));
  expect(troubles[0]?.what).toBe('Projection customers has failed, 490 behind');
});

test('sagas that wait for a person and dead letters need attention', () => {
  const { level, troubles } = healthOf(
    frame({
      sagas: { Order: { COMPLETED: 5, PARKED: 2 } },
      deliveries: {
        pending: 0,
        delivered: 1,
        deadLettered: 1,
        routes: { big: { pending: 0, delivered: 1, deadLettered: 1 } },
      },
    }),
  );
  expect(level).toBe('bad');
  expect(troubles.map(({ what }) => what)).toEqual([
    '2 Order sagas parked: waiting for a person',
    'Route big gave up 1 delivery',
  ]);
  expect(troubles[0]?.href).toBe('#/sagas/Order?status=PARKED');
});
