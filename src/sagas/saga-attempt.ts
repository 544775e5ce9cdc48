import { SpanKind } from '@opentelemetry/api';
import type { Json } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import { inContext } from '../store/index.ts';
import type { Saga, StepArguments, StepContext, UndoArguments } from './saga-definition.ts';
import type { Begun } from './saga-events.ts';
import { jsonValue } from './saga-instance.ts';
import type { SagaState } from './saga-state.ts';
import { stepOf } from './saga-transitions.ts';
import { notJson, type StepFailure, stepFailure, timedOut } from './step-error.ts';

/** What came of an attempt; `lost` when another process took the saga over meanwhile. */
export type AttemptResult =
  | { readonly kind: 'done'; readonly result: Json; readonly durationMs: number }
  | { readonly kind: 'failed'; readonly failure: StepFailure; readonly durationMs: number }
  | { readonly kind: 'lost' };

/**
 * Runs one attempt of a step, or of its undo, within its time. What a step still does after its time has no say any more: its
 * signal aborts, and its outcome counts as unknown.
 */
export async function runAttempt(
  saga: Saga,
  state: SagaState,
  begun: Begun,
  parts: { environment: Environment; services: unknown; lost: AbortSignal },
): Promise<AttemptResult> {
  const { environment, services, lost } = parts;
  const { clock, telemetry } = environment;
  const step = stepOf(saga, begun.step);
  const abort = new AbortController();
  const started = clock.monotonic();
  const elapsed = (): number => clock.monotonic() - started;
  const limit = timeLimit(state, begun, step.timeoutMs, clock.now());
  const scope: StepArguments = {
    input: state.input,
    results: state.results,
    services,
    context: contextOf(state, begun, abort.signal, environment),
  };
  const name = begun.undo ? `undo ${step.name}` : `step ${step.name}`;
  return telemetry.tracer.startActiveSpan(name, { kind: SpanKind.INTERNAL }, span => {
    return new Promise<AttemptResult>(resolve => {
      let finished = false;
      const finish = (result: AttemptResult): void => {
        if (finished) return;
        finished = true;
        timer?.cancel();
        lost.removeEventListener('abort', onLost);
        if (result.kind === 'failed') span.recordException(result.failure.error.message);
        span.end();
        resolve(result);
      };
      const onLost = (): void => {
        abort.abort();
        finish({ kind: 'lost' });
      };
      const timer =
        limit === undefined
          ? undefined
          : clock.schedule(limit.ms, () => {
              abort.abort();
              finish({ kind: 'failed', failure: timedOut(step.name, limit.ms, limit.what), durationMs: elapsed() });
            });
      lost.addEventListener('abort', onLost, { once: true });
      const run = (): unknown => (begun.undo ? step.compensate?.(undoScope(scope, state, step.name)) : step.run(scope));
      const cause = { correlationId: state.correlationId, causationId: state.lastEventId };
      inContext(cause, () => call(run)).then(
        result => finish(outcomeOf(begun.undo ? null : result, step.name, elapsed())),
        thrown => finish({ kind: 'failed', failure: stepFailure(thrown, step.name), durationMs: elapsed() }),
      );
    });
  });
}

/** What a step answered, as JSON: memory and history must never differ, so what JSON cannot hold is a failure. */
function outcomeOf(result: unknown, step: string, durationMs: number): AttemptResult {
  try {
    return { kind: 'done', result: jsonValue(result), durationMs };
  } catch (thrown) {
    return { kind: 'failed', failure: notJson(step, thrown), durationMs };
  }
}

function contextOf(
  state: SagaState,
  { step, undo, attempt }: Begun,
  signal: AbortSignal,
  environment: Environment,
): StepContext {
  const key = `${state.type}:${state.id}:${step}`;
  return {
    sagaId: state.id,
    sagaType: state.type,
    step,
    correlationId: state.correlationId,
    attempt,
    idempotencyKey: undo ? `${key}:undo` : key,
    stepKey: key,
    signal,
    now: () => environment.clock.now(),
  };
}

function undoScope(scope: StepArguments, state: SagaState, step: string): UndoArguments {
  const effect = state.effects.find(candidate => candidate.step === step);
  if (effect?.outcome === 'completed') return { ...scope, outcome: 'completed', result: state.results[step] };
  return { ...scope, outcome: 'unknown', result: undefined };
}

/** The shorter of the step's own time and what is left of the saga's; an undo is not hurried by the saga's. */
function timeLimit(
  state: SagaState,
  { undo }: Begun,
  timeoutMs: number | undefined,
  now: number,
): { ms: number; what: 'step' | 'saga' } | undefined {
  const left = undo || state.deadline === null ? undefined : Math.max(0, state.deadline - now);
  if (left !== undefined && (timeoutMs === undefined || left < timeoutMs)) return { ms: left, what: 'saga' };
  return timeoutMs === undefined ? undefined : { ms: timeoutMs, what: 'step' };
}

/** Calls a function so that what it throws at once is treated like what it rejects with. */
async function call(run: () => unknown): Promise<unknown> {
  return run();
}
