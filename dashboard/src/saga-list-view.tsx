import { useSignal } from '@preact/signals';
import { type Items, SAGA_STATUSES, type SagaCounts, type SagaStatus, type SagaSummary } from './api-shapes.ts';
import { now } from './clock.ts';
import { EmptyNote } from './empty-note.tsx';
import { formatCount, formatDuration, formatPlural, formatStatus } from './format.ts';
import { Icon } from './icon.tsx';
import { MomentText } from './moment-text.tsx';
import { ProblemNote } from './problem-note.tsx';
import { goTo, hrefOf, type Route } from './route.ts';
import { sagaEnd } from './saga-time.ts';
import { SelectField } from './select-field.tsx';
import { lookOf, StandingPill } from './standing-pill.tsx';
import { useResource } from './use-resource.ts';

interface ListParts {
  readonly where: Extract<Route, { view: 'sagas' }>;
  readonly sagas: SagaCounts;
}

const SHOWN_FIRST = 50;
/** The most that the server answers at once. */
const SHOWN_MAX = 1_000;

/** Sagas of one type and status. */
export function SagaListView({ where, sagas }: ListParts) {
  const types = Object.keys(sagas);
  const type = where.type ?? types[0];
  if (type === undefined) {
    return (
      <>
        <h1 class="view-title">Sagas</h1>
        <section class="card">
          <EmptyNote title="No saga is defined">
            Define one with <code>defineSaga</code>, name it in <code>defineApp</code> and start with <code>--app</code>
            .
          </EmptyNote>
        </section>
      </>
    );
  }
  const counts = sagas[type] ?? {};
  const status = where.status ?? SAGA_STATUSES.find(each => (counts[each] ?? 0) > 0) ?? 'RUNNING';
  return (
    <>
      <div class="view-head">
        <h1 class="view-title">{types.length > 1 ? 'Sagas' : type}</h1>
        {types.length > 1 && (
          <SelectField
            label="Type of saga"
            value={type}
            options={types.map(each => ({ value: each, label: each }))}
            onChange={chosen => goTo({ view: 'sagas', type: chosen, status: undefined })}
          />
        )}
      </div>
      <nav class="chips" aria-label="Status">
        {SAGA_STATUSES.map(each => {
          const { tone, icon } = lookOf(each);
          return (
            <a
              key={each}
              class={`chip tone-${tone}`}
              href={hrefOf({ view: 'sagas', type, status: each })}
              aria-current={each === status ? 'true' : undefined}
            >
              <Icon name={icon} size={14} />
              {formatStatus(each)}
              <span class="chip-count">{formatCount(counts[each] ?? 0)}</span>
            </a>
          );
        })}
      </nav>
      <List key={`${type} ${status}`} type={type} status={status} count={counts[status] ?? 0} />
    </>
  );
}

function List({ type, status, count }: { type: string; status: SagaStatus; count: number }) {
  const limit = useSignal(SHOWN_FIRST);
  const query = new URLSearchParams({ status, limit: String(limit.value) });
  const { answer, problem } = useResource<Items<SagaSummary>>(`sagas/${encodeURIComponent(type)}?${query}`, count);
  const items = answer?.items ?? [];
  return (
    <section class="card list" aria-label={`${formatStatus(status)} sagas`}>
      {problem !== undefined && <ProblemNote problem={problem} />}
      {answer !== undefined && items.length === 0 && (
        <EmptyNote title={`No saga is ${formatStatus(status).toLowerCase()}`}>
          This list fills by itself. The other states are above.
        </EmptyNote>
      )}
      {items.length > 0 && <SagaTable items={items} />}
      {items.length > 0 && (
        <footer class="list-foot">
          <span>
            {formatCount(items.length)} of {formatPlural(Math.max(count, items.length), 'saga')}, by id
            {items.length >= SHOWN_MAX && '. Search for others by their id'}
          </span>
          {items.length === limit.value && items.length < count && limit.value < SHOWN_MAX && (
            <button
              type="button"
              class="button"
              onClick={() => {
                limit.value = Math.min(SHOWN_MAX, limit.value * 4);
              }}
            >
              Show more
            </button>
          )}
        </footer>
      )}
    </section>
  );
}

function SagaTable({ items }: { items: readonly SagaSummary[] }) {
  return (
    <table class="table stacking">
      <thead>
        <tr>
          <th scope="col">Id</th>
          <th scope="col">Status</th>
          <th scope="col">Step</th>
          <th scope="col" class="number">
            Started
          </th>
          <th scope="col" class="number">
            Duration
          </th>
          <th scope="col">Error</th>
        </tr>
      </thead>
      <tbody>
        {items.map(saga => (
          <SagaRow key={saga.id} saga={saga} />
        ))}
      </tbody>
    </table>
  );
}

function SagaRow({ saga }: { saga: SagaSummary }) {
  const { type, id, status, step, undo, attempt, startedAt, failedStep, error } = saga;
  const at = step ?? failedStep;
  return (
    <tr>
      <th scope="row">
        <a class="row-link" href={hrefOf({ view: 'saga', type, id })}>
          {id}
        </a>
      </th>
      <td data-label="Status">
        <StandingPill standing={status} />
      </td>
      <td data-label="Step">
        {at === null ? <span class="muted">–</span> : `${undo ? 'undo of ' : ''}${at}`}
        {attempt > 1 && <span class="muted"> attempt {attempt}</span>}
      </td>
      <td class="number" data-label="Started">
        <MomentText at={startedAt} />
      </td>
      <td class="number" data-label="Duration">
        {formatDuration(sagaEnd(saga, now.value) - Date.parse(startedAt))}
      </td>
      <td class="error-cell" data-label="Error">
        {error === null ? (
          <span class="muted">–</span>
        ) : (
          <span title={error.message}>
            <code>{error.code}</code> {error.message}
          </span>
        )}
      </td>
    </tr>
  );
}
