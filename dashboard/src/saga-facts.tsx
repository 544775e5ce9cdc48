import type { ComponentChildren } from 'preact';
import type { SagaDetail } from './api-shapes.ts';
import { formatDuration } from './format.ts';
import { STUCK } from './health.ts';
import { MomentText } from './moment-text.tsx';

interface FactsParts {
  readonly saga: SagaDetail;
  readonly retries: number;
  /** From its start to its end, or to now, in milliseconds. */
  readonly duration: number;
}

/** What is known of a saga as a whole. */
export function SagaFacts({ saga, retries, duration }: FactsParts) {
  const stuck = STUCK.includes(saga.status);
  const goesOn = saga.endedAt === null && !stuck;
  return (
    <dl class="facts">
      <Fact label="Started">
        <MomentText at={saga.startedAt} />
      </Fact>
      <Fact label={goesOn ? 'Running for' : 'Took'}>{formatDuration(duration)}</Fact>
      {stuck && (
        <Fact label="Parked">
          <MomentText at={saga.updatedAt} />
        </Fact>
      )}
      <Fact label="Retries">{retries}</Fact>
      <Fact label="Definition">version {saga.version}</Fact>
      {goesOn && saga.retryAt !== null && (
        <Fact label="Next try">
          <MomentText at={saga.retryAt} />
        </Fact>
      )}
      {goesOn && saga.deadline !== null && (
        <Fact label="Deadline">
          <MomentText at={saga.deadline} />
        </Fact>
      )}
      <Fact label="Correlation">
        <code>{saga.correlationId}</code>
      </Fact>
    </dl>
  );
}

function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
