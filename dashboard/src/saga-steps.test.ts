import { expect, test } from 'vitest';
import type { SagaDetail, SagaMoment, SagaStatus } from './api-shapes.ts';
import { stepRuns } from './saga-steps.ts';

const START = Date.parse('2026-01-01T00:00:00.000Z');
const at = (ms: number): string => new Date(START + ms).toISOString();
const failure = { code: 'SAGA_FAILED', message: 'no' };

function moment(type: string, ms: number, changes: Partial<SagaMoment> = {}): SagaMoment {
  const rest = { step: null, undo: null, attempt: null, durationMs: null, result: null, error: null, retryAt: null };
  return { type, revision: 0, at: at(ms), ...rest, ...changes };
}

function saga(status: SagaStatus, timeline: readonly SagaMoment[], changes: Partial<SagaDetail> = {}): SagaDetail {
  return {
    type: 'Order',
    id: '1',
    version: 1,
    status,
    step: null,
    undo: false,
    attempt: 0,
    retryAt: null,
    deadline: null,
    correlationId: 'c',
    startedAt: at(0),
    updatedAt: at(0),
    endedAt: null,
    failedStep: null,
    error: null,
    input: null,
    results: {},
    timeline,
    ...changes,
  };
}

test('a retried step has its tries with their times', () => {
  const runs = stepRuns(
    saga('COMPLETED', [
      moment('SagaStarted', 0),
      moment('SagaAttemptFailed', 5, { step: 'Pay', attempt: 1, error: failure, retryAt: at(1_005) }),
      moment('SagaAttemptStarted', 1_010, { step: 'Pay', attempt: 2 }),
      moment('SagaCompleted', 1_030, { step: 'Pay', attempt: 2, durationMs: 18 }),
    ]),
  );
  expect(runs).toMatchObject([{ name: 'Pay', undoes: null, standing: 'COMPLETED', from: START, to: START + 1_030 }]);
  expect(runs[0]?.attempts).toMatchObject([
    { attempt: 1, from: START, to: START + 5, outcome: 'failed', retryAt: START + 1_005 },
    { attempt: 2, from: START + 1_010, to: START + 1_030, outcome: 'completed' },
  ]);
});

test('undos are runs of their own, after the step that failed', () => {
  const runs = stepRuns(
    saga('COMPENSATED', [
      moment('SagaStarted', 0),
      moment('SagaStepCompleted', 3, { step: 'Reserve', attempt: 1, durationMs: 2 }),
      moment('SagaCompensating', 8, { step: 'Pay', attempt: 1, error: failure }),
      moment('SagaCompensated', 9, { step: 'Reserve', undo: 'Release', attempt: 1, durationMs: 1 }),
    ]),
  );
  expect(runs.map(({ name, undoes, standing }) => [name, undoes, standing])).toEqual([
    ['Reserve', null, 'COMPLETED'],
    ['Pay', null, 'FAILED'],
    ['Release', 'Reserve', 'COMPENSATED'],
  ]);
});

test('what a saga is at has no end yet', () => {
  const started = [moment('SagaStarted', 0), moment('SagaStepCompleted', 4, { step: 'Reserve', attempt: 1 })];
  const runs = stepRuns(saga('RUNNING', started, { step: 'Pay', attempt: 1 }));
  expect(runs[1]).toMatchObject({ name: 'Pay', standing: 'RUNNING', from: START + 4, to: null });
});

test('a step that waits for its next try says so', () => {
  const failed = moment('SagaAttemptFailed', 4, { step: 'Pay', attempt: 1, error: failure, retryAt: at(2_000) });
  const waiting = { step: 'Pay', attempt: 2, retryAt: at(2_000) };
  const runs = stepRuns(saga('WAITING', [moment('SagaStarted', 0), failed], waiting));
  expect(runs).toMatchObject([{ name: 'Pay', standing: 'WAITING', attempts: [{ outcome: 'failed' }] }]);
});

test('an undo that failed for good is not taken for its step', () => {
  const runs = stepRuns(
    saga('COMPENSATION_FAILED', [
      moment('SagaStarted', 0),
      moment('SagaStepCompleted', 3, { step: 'Reserve', attempt: 1 }),
      moment('SagaCompensating', 8, { step: 'Pay', attempt: 1, error: failure }),
      moment('SagaAttemptFailed', 9, { step: 'Reserve', undo: 'Release', attempt: 1, error: failure }),
      moment('SagaParked', 20, { step: 'Reserve', attempt: 2, error: failure }),
    ]),
  );
  expect(runs.map(({ name, standing, attempts }) => [name, standing, attempts.length])).toEqual([
    ['Reserve', 'COMPLETED', 1],
    ['Pay', 'FAILED', 1],
    ['Release', 'FAILED', 2],
  ]);
});
