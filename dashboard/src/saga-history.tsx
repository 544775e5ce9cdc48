import type { SagaMoment } from './api-shapes.ts';
import { formatDuration, formatExact, formatOffset } from './format.ts';
import { Icon } from './icon.tsx';
import { JsonBlock } from './json-block.tsx';
import { lookOf } from './standing-pill.tsx';

/** What each event says, and whose look it has. */
const SAYS: Readonly<Record<string, readonly [text: string, standing: string]>> = {
  SagaStarted: ['Saga started', 'RUNNING'],
  SagaAttemptStarted: ['Attempt started', 'RUNNING'],
  SagaAttemptInterrupted: ['Attempt interrupted, its process went away', 'WAITING'],
  SagaStepCompleted: ['Step completed', 'COMPLETED'],
  SagaAttemptFailed: ['Attempt failed', 'WAITING'],
  SagaCompensating: ['Turned back', 'COMPENSATING'],
  SagaStepUndone: ['Step undone', 'COMPENSATED'],
  SagaCompleted: ['Last step completed, saga completed', 'COMPLETED'],
  SagaCompensated: ['Last step undone, saga compensated', 'COMPENSATED'],
  SagaFailed: ['Saga failed, nothing to undo', 'FAILED'],
  SagaStepFailed: ['Step that was still at work failed', 'FAILED'],
  SagaUndoFailed: ['Undo failed, the rest is undone', 'COMPENSATION_FAILED'],
  SagaParked: ['Parked, waits for a person', 'PARKED'],
  SagaWoken: ['Woken by an event', 'WAITING'],
  SagaRetried: ['Retried by a person', 'RUNNING'],
  SagaUndoSkipped: ['Undo skipped by a person', 'COMPENSATED'],
  SagaStepSettled: ['Step settled by a person', 'COMPLETED'],
  SagaCancelled: ['Cancelled', 'CANCELLED'],
  SagaPaused: ['Paused by a person', 'PAUSED'],
  SagaResumed: ['Resumed by a person', 'RUNNING'],
  SagaMigrated: ['Moved to another version by a person', 'RUNNING'],
  SagaForced: ['Ended by a person', 'PARKED'],
};

/** A saga with more events is shown from its end. */
const SHOWN_MAX = 500;

/** Everything that happened to a saga, event by event. */
export function SagaHistory({ timeline, startedAt }: { timeline: readonly SagaMoment[]; startedAt: number }) {
  const shown = timeline.slice(-SHOWN_MAX);
  return (
    <>
      {shown.length < timeline.length && (
        <p class="muted cut">
          The last {SHOWN_MAX} of {timeline.length} events; all of them are in the saga's stream.
        </p>
      )}
      <ol class="history">
        {shown.map(moment => (
          <MomentRow key={moment.revision} moment={moment} startedAt={startedAt} />
        ))}
      </ol>
    </>
  );
}

function MomentRow({ moment, startedAt }: { moment: SagaMoment; startedAt: number }) {
  const { type, revision, step, undo, attempt, durationMs, result, error, retryAt } = moment;
  const [text, standing] = SAYS[type] ?? [type, 'RUNNING'];
  const { tone, icon } = lookOf(standing);
  const at = Date.parse(moment.at);
  return (
    <li data-moment={type}>
      <time dateTime={moment.at} title={formatExact(at)}>
        +{formatOffset(at - startedAt)}
      </time>
      <span class={`count-mark tone-${tone}`}>
        <Icon name={icon} size={14} />
      </span>
      <div>
        <p>
          {text}
          {step !== null && <strong> {undo ?? step}</strong>}
          <span class="muted">
            {attempt !== null && attempt > 1 && ` attempt ${attempt}`}
            {durationMs !== null && ` in ${formatDuration(durationMs)}`}
            {retryAt !== null && `, next try in ${formatDuration(Date.parse(retryAt) - at)}`}
          </span>
        </p>
        {error !== null && (
          <p class="step-failure">
            <code>{error.code}</code> {error.message}
          </p>
        )}
        {result !== null && (
          <details>
            <summary>Result</summary>
            <JsonBlock value={result} label={`Result of ${step ?? type}, revision ${revision}`} />
          </details>
        )}
      </div>
    </li>
  );
}
