import { SpanKind } from '@opentelemetry/api';
import { delayAfter, type Json } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import { inContext } from '../store/index.ts';
import type { Saga } from './saga-definition.ts';
import type { Begun } from './saga-events.ts';
import { partsOfKey, type SagaStep, stepOf } from './saga-graph.ts';
import { jsonValue } from './saga-instance.ts';
import { scopeAt } from './saga-results.ts';
import type { CurrentAttempt, SagaState } from './saga-state.ts';
import type { StepArguments, StepContext, UndoArguments } from './step-context.ts';
import { isNothing, type StepEffects } from './step-effects.ts';
import { notJson, type StepFailure, stepFailure, timedOut } from './step-error.ts';

/** What came of an attempt; `lost` when another process took the saga over meanwhile. */
export type AttemptResult =
  | { readonly kind: 'done'; readonly result: Json; readonly effects?: StepEffects; readonly durationMs: number }
  | { readonly kind: 'failed'; readonly failure: StepFailure; readonly durationMs: number }
  | { readonly kind: 'lost' };

/** What an attempt runs with. */
export interface AttemptParts {
  readonly environment: Environment;
  readonly services: unknown;
  /** Aborts when the saga is another process's. */
  readonly lost: AbortSignal;
  /** Aborts when its time is over, or it is not wanted any more. */
  readonly abort: AbortController;
}

/**
 * Runs one attempt of a step, or of its undo, within its time. What a step still does after its time has no say any more: its
 * signal aborts, and its outcome counts as unknown.
 */
export async function runAttempt(
  saga: Saga,
  state: SagaState,
  begun: Begun,
  parts: AttemptParts,
): Promise<AttemptResult> {
  const { environment, lost, abort } = parts;
  const { clock, telemetry } = environment;
  const step = stepOf(saga.graph, begun.step);
  const started = clock.monotonic();
  const elapsed = (): number => clock.monotonic() - started;
  const limit = timeLimit(saga, state, begun, step.timeoutMs, clock.now());
  const scope = argumentsOf(saga, state, begun, parts);
  const name = begun.undo ? `undo ${begun.step}` : `step ${begun.step}`;
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
              finish({ kind: 'failed', failure: timedOut(begun.step, limit.ms, limit.what), durationMs: elapsed() });
            });
      lost.addEventListener('abort', onLost, { once: true });
      const run = (): unknown =>
        begun.undo ? step.compensate?.(undoScope(scope, state, begun.step)) : step.run(scope);
      const cause = { correlationId: state.correlationId, causationId: state.lastEventId };
      inContext(cause, () => call(run)).then(
        result => finish(outcomeOf(step, begun, result, elapsed())),
        thrown => finish({ kind: 'failed', failure: stepFailure(thrown, begun.step), durationMs: elapsed() }),
      );
    });
  });
}

/**
 * What the participant says became of a step, when its last try left that open and the step can be probed; otherwise what the try came to.
 * Asking has the time of an attempt.
 */
export async function probed(
  saga: Saga,
  state: SagaState,
  attempt: CurrentAttempt,
  failure: StepFailure,
  parts: AttemptParts,
): Promise<AttemptResult> {
  const step = stepOf(saga.graph, attempt.step);
  const { probe } = step;
  const failed = (what: StepFailure): AttemptResult => ({ kind: 'failed', failure: what, durationMs: 0 });
  const isInDoubt = !failure.certain || (failure.retryable && attempt.unsure === true);
  const isLast = !failure.retryable || delayAfter(step.retry, attempt.attempt, parts.environment.random) === undefined;
  if (probe === undefined || attempt.undo || !isInDoubt || !isLast) return failed(failure);
  const asking = { ...step, does: 'run', run: probe } as const;
  const leaves = new Map(saga.graph.leaves).set(step.name, asking);
  const answer = await runAttempt({ ...saga, graph: { ...saga.graph, leaves } }, state, attempt, parts);
  if (answer.kind !== 'done') return answer.kind === 'lost' ? answer : failed(failure);
  const said = answer.result as { outcome?: unknown; result?: Json; reason?: string } | null;
  if (said?.outcome === 'completed')
    return { kind: 'done', result: said.result ?? null, durationMs: answer.durationMs };
  if (said?.outcome !== 'failed') return failed(failure);
  const { reason = failure.error.message } = said;
  return failed({
    error: { ...failure.error, message: reason },
    certain: true,
    retryable: false,
    retryAfterMs: undefined,
  });
}

/** What a step answered, as JSON: memory and history must never differ, so what JSON cannot hold is a failure. */
function outcomeOf(step: SagaStep, begun: Begun, answer: unknown, durationMs: number): AttemptResult {
  try {
    if (step.does === 'run') return { kind: 'done', result: begun.undo ? null : jsonValue(answer), durationMs };
    const { result, ...effects } = (answer ?? {}) as StepEffects & { result?: unknown };
    const done = { kind: 'done', result: begun.undo ? null : jsonValue(result), durationMs } as const;
    return isNothing(effects) ? done : { ...done, effects };
  } catch (thrown) {
    return { kind: 'failed', failure: notJson(begun.step, thrown), durationMs };
  }
}

function argumentsOf(saga: Saga, state: SagaState, begun: Begun, parts: AttemptParts): StepArguments {
  const { name, occurrence } = partsOfKey(begun.step);
  const { input, results, item } = scopeAt(saga.graph, state, name, occurrence);
  const context = contextOf(state, begun, { name, occurrence }, parts);
  return { input, results, item, services: parts.services, context };
}

function contextOf(
  state: SagaState,
  { step, undo, attempt }: Begun,
  { name, occurrence }: ReturnType<typeof partsOfKey>,
  { environment, abort }: AttemptParts,
): StepContext {
  const key = `${state.type}:${state.id}:${step}`;
  return {
    sagaId: state.id,
    sagaType: state.type,
    step: name,
    occurrence,
    correlationId: state.correlationId,
    attempt,
    idempotencyKey: undo ? `${key}:undo` : key,
    stepKey: key,
    signal: abort.signal,
    now: () => environment.clock.now(),
  };
}

function undoScope(scope: StepArguments, state: SagaState, step: string): UndoArguments {
  const effect = state.effects.find(candidate => candidate.step === step);
  if (effect?.outcome === 'completed') return { ...scope, outcome: 'completed', result: state.results[step] };
  return { ...scope, outcome: 'unknown', result: undefined };
}

/** The shorter of the step's own time and what is left of the saga's; an undo, or a step after the pivot, is not hurried by that. */
function timeLimit(
  { graph }: Saga,
  state: SagaState,
  { step, undo }: Begun,
  timeoutMs: number | undefined,
  now: number,
): { ms: number; what: 'step' | 'saga' } | undefined {
  const isHurried = !undo && state.deadline !== null && !stepOf(graph, step).isCommitted;
  const left = isHurried ? Math.max(0, (state.deadline as number) - now) : undefined;
  if (left !== undefined && (timeoutMs === undefined || left < timeoutMs)) return { ms: left, what: 'saga' };
  return timeoutMs === undefined ? undefined : { ms: timeoutMs, what: 'step' };
}

/** Calls a function so that what it throws at once is treated like what it rejects with. */
async function call(run: () => unknown): Promise<unknown> {
  return run();
}
