import { now } from './clock.ts';
import { formatDuration, formatPlural } from './format.ts';
import { Icon } from './icon.tsx';
import type { Attempt, StepRun } from './saga-steps.ts';
import { lookOf } from './standing-pill.tsx';

interface WaterfallParts {
  readonly runs: readonly StepRun[];
  readonly from: number;
  /** Null while the saga goes on. */
  readonly to: number | null;
}

/** Also a try that took no time can be seen; as in the styles. */
const BAR_MIN = '4px';
const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** The steps of a saga on one axis of time: every try as a bar, the waits between them hatched. */
export function StepWaterfall({ runs, from, to }: WaterfallParts) {
  const end = to ?? Math.max(now.value, ...runs.map(run => run.to ?? run.from));
  const span = Math.max(1, end - from);
  const place = (time: number): number => Math.min(100, Math.max(0, ((time - from) / span) * 100));
  return (
    <div class="waterfall">
      <div class="waterfall-axis" aria-hidden="true">
        {TICKS.map(tick => (
          <span key={tick} style={{ left: `${tick * 100}%` }}>
            {formatDuration(tick * span)}
          </span>
        ))}
      </div>
      <ol>
        {runs.map(run => (
          <StepRow key={`${run.undoes ?? ''}/${run.name}`} run={run} place={place} end={end} />
        ))}
      </ol>
    </div>
  );
}

function StepRow({ run, place, end }: { run: StepRun; place: (time: number) => number; end: number }) {
  const { tone, icon } = lookOf(run.standing);
  const failure = run.attempts.findLast(({ error }) => error !== null)?.error;
  return (
    <li class="step" data-step={run.name} data-standing={run.standing}>
      <div class="step-name">
        <span class={`count-mark tone-${tone}`}>
          <Icon name={icon} size={14} />
        </span>
        <span>
          {run.name}
          <span class="step-says">
            {run.undoes !== null && `undoes ${run.undoes}`}
            {run.undoes !== null && run.attempts.length > 1 && ', '}
            {run.attempts.length > 1 && formatPlural(run.attempts.length, 'attempt')}
          </span>
        </span>
      </div>
      <div class="step-track">
        {run.attempts.map((attempt, index) => (
          <Bars
            key={`${attempt.attempt}-${attempt.from}`}
            attempt={attempt}
            next={run.attempts[index + 1]}
            isUndo={run.undoes !== null}
            place={place}
            end={end}
          />
        ))}
      </div>
      <div class="step-duration">{formatDuration((run.to ?? end) - run.from)}</div>
      {failure !== undefined && failure !== null && (
        <p class="step-failure">
          <code>{failure.code}</code> {failure.message}
        </p>
      )}
    </li>
  );
}

interface BarParts {
  readonly attempt: Attempt;
  readonly next: Attempt | undefined;
  readonly isUndo: boolean;
  readonly place: (time: number) => number;
  readonly end: number;
}

function Bars({ attempt, next, isUndo, place, end }: BarParts) {
  const { from, outcome } = attempt;
  const to = attempt.to ?? end;
  const waitsUntil = next?.from ?? (attempt.retryAt !== null ? Math.min(attempt.retryAt, end) : null);
  const tone = outcome === 'completed' ? (isUndo ? 'undo' : 'good') : outcome === 'running' ? 'accent' : 'bad';
  const span = (start: number, stop: number) => ({
    left: `min(${place(start)}%, 100% - ${BAR_MIN})`,
    width: `${place(stop) - place(start)}%`,
  });
  return (
    <>
      <span
        class={`bar tone-${tone}`}
        style={span(from, to)}
        title={`Attempt ${attempt.attempt} ${outcome}, ${formatDuration(to - from)}`}
      />
      {waitsUntil !== null && waitsUntil > to && (
        <span class="bar bar-wait" style={span(to, waitsUntil)} title={`Waited ${formatDuration(waitsUntil - to)}`} />
      )}
    </>
  );
}
