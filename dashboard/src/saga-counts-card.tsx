import { SAGA_STATUSES, type SagaCounts, type SagaStatus } from './api-shapes.ts';
import { Card } from './card.tsx';
import { EmptyNote } from './empty-note.tsx';
import { formatCount, formatPlural, formatStatus } from './format.ts';
import { Icon } from './icon.tsx';
import { hrefOf } from './route.ts';
import { lookOf } from './standing-pill.tsx';

/** Shown even when there is none, so that the reader knows that there is none; among several types there is no room. */
const ALWAYS: readonly SagaStatus[] = ['RUNNING', 'WAITING', 'COMPENSATING', 'COMPLETED', 'COMPENSATED', 'FAILED'];

/** How many sagas are in each state; each row opens its list. */
export function SagaCountsCard({ sagas }: { sagas: SagaCounts }) {
  const types = Object.entries(sagas);
  return (
    <Card title="Sagas" note="by state">
      {types.length === 0 ? (
        <EmptyNote title="No saga is defined">
          Define one with <code>defineSaga</code>, name it in <code>defineApp</code> and start with <code>--app</code>.
        </EmptyNote>
      ) : (
        types.map(([type, counts]) => <TypeCounts key={type} type={type} counts={counts} alone={types.length === 1} />)
      )}
    </Card>
  );
}

function TypeCounts({ type, counts, alone }: { type: string; counts: SagaCounts[string]; alone: boolean }) {
  const total = SAGA_STATUSES.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
  const shown = SAGA_STATUSES.filter(status => (counts[status] ?? 0) > 0 || (alone && ALWAYS.includes(status)));
  return (
    <div class="saga-type">
      <h3>
        <a href={hrefOf({ view: 'sagas', type, status: undefined })}>{type}</a>
        <span class="muted">{formatPlural(total, 'saga')}</span>
      </h3>
      <div class="share-bar" aria-hidden="true">
        {shown.map(status => {
          const count = counts[status] ?? 0;
          return count > 0 && <span key={status} class={`tone-${lookOf(status).tone}`} style={{ flexGrow: count }} />;
        })}
      </div>
      <ul class="counts">
        {shown.map(status => {
          const { tone, icon } = lookOf(status);
          const count = counts[status] ?? 0;
          return (
            <li key={status}>
              <a href={hrefOf({ view: 'sagas', type, status })} class={count === 0 ? 'muted' : ''}>
                <span class={`count-mark tone-${count === 0 ? 'idle' : tone}`}>
                  <Icon name={icon} size={14} />
                </span>
                <span>{formatStatus(status)}</span>
                <span class="count" data-saga-count={`${type}:${status}`}>
                  {formatCount(count)}
                </span>
                <Icon name="right" size={12} />
              </a>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
