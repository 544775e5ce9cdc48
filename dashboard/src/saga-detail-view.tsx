import { useRef } from 'preact/hooks';
import type { SagaDetail } from './api-shapes.ts';
import { Card } from './card.tsx';
import { now } from './clock.ts';
import { formatPlural } from './format.ts';
import { STUCK } from './health.ts';
import { Icon } from './icon.tsx';
import { JsonBlock } from './json-block.tsx';
import { frame } from './live-feed.ts';
import { ProblemNote } from './problem-note.tsx';
import { hrefOf } from './route.ts';
import { SagaFacts } from './saga-facts.tsx';
import { SagaHistory } from './saga-history.tsx';
import { stepRuns } from './saga-steps.ts';
import { sagaEnd } from './saga-time.ts';
import { StandingPill } from './standing-pill.tsx';
import { StepWaterfall } from './step-waterfall.tsx';
import { useResource } from './use-resource.ts';

/** One saga: where it stands, its steps on an axis of time, and everything that happened. */
export function SagaDetailView({ type, id }: { type: string; id: string }) {
  const path = `sagas/${encodeURIComponent(type)}/${encodeURIComponent(id)}`;
  // Whatever happens to a saga moves the head; nothing more happens to one that has ended.
  const ended = useRef(false);
  const { answer, problem } = useResource<SagaDetail>(path, ended.current ? 'ended' : frame.value?.head);
  ended.current = typeof answer?.endedAt === 'string';
  return (
    <>
      <nav class="trail" aria-label="Where this is">
        <a href={hrefOf({ view: 'sagas', type, status: undefined })}>
          <Icon name="left" size={14} /> {type}
        </a>
      </nav>
      {answer === undefined && <h1 class="saga-title">{id}</h1>}
      {problem !== undefined && <ProblemNote problem={problem} />}
      {answer === undefined && problem === undefined && <p class="muted">Asking for it …</p>}
      {answer !== undefined && <Detail saga={answer} />}
    </>
  );
}

function Detail({ saga }: { saga: SagaDetail }) {
  const startedAt = Date.parse(saga.startedAt);
  const goesOn = saga.endedAt === null && !STUCK.includes(saga.status);
  const end = sagaEnd(saga, now.value);
  const runs = stepRuns(saga);
  const retries = runs.reduce((sum, { attempts }) => sum + Math.max(0, attempts.length - 1), 0);
  return (
    <>
      <div class="saga-head">
        <h1 class="saga-title">{saga.id}</h1>
        <StandingPill standing={saga.status} />
      </div>
      <SagaFacts saga={saga} retries={retries} duration={end - startedAt} />
      {saga.error !== null && (
        <div class={`note tone-${saga.status === 'COMPENSATED' || saga.status === 'COMPENSATING' ? 'undo' : 'bad'}`}>
          <Icon name={saga.status === 'COMPENSATED' ? 'undo' : 'alert'} />
          <div>
            <p class="note-title">{whatFailed(saga)}</p>
            <p class="note-text">
              <code>{saga.error.code}</code> {saga.error.message}
            </p>
          </div>
        </div>
      )}
      <div class="cards">
        <Card title="Steps" note={`${formatPlural(runs.length, 'step')}, undos included`} class="span-12">
          <StepWaterfall runs={runs} from={startedAt} to={goesOn ? null : end} />
        </Card>
        <Card title="Timeline" note={formatPlural(saga.timeline.length, 'event')} class="span-7">
          <SagaHistory timeline={saga.timeline} startedAt={startedAt} />
        </Card>
        <div class="span-5 column">
          <Card title="Input">
            <JsonBlock value={saga.input} label="Input" />
          </Card>
          <Card title="Results" note="by step">
            <JsonBlock value={saga.results} label="Results" />
          </Card>
        </div>
      </div>
    </>
  );
}

function whatFailed({ status, step, failedStep }: SagaDetail): string {
  if (status === 'COMPENSATION_FAILED') return `The undo of ${step ?? 'a step'} failed; the saga waits for a person`;
  if (status === 'PARKED') return 'Parked; the saga waits for a person';
  const failed = failedStep === null ? 'It failed' : `${failedStep} failed`;
  return status === 'COMPENSATED' ? `${failed}, and what was done before was undone` : failed;
}
