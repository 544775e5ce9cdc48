import { useSignal } from '@preact/signals';
import type { Frame, Items, StoreEntry, Topology } from './api-shapes.ts';
import { Card } from './card.tsx';
import { ChartCard } from './chart-card.tsx';
import { EmptyNote } from './empty-note.tsx';
import {
  formatAxisTime,
  formatCompact,
  formatCount,
  formatDuration,
  formatPlural,
  formatStatus,
  formatWindowStart,
} from './format.ts';
import { ProblemNote } from './problem-note.tsx';
import { SelectField } from './select-field.tsx';
import { useResource } from './use-resource.ts';
import { isMoney, numericFields, type WindowStore, windowSeries, windowStores } from './window-series.ts';

/** The most that the server answers at once. */
const ENTRIES_MAX = 1_000;

/** What a topology has added up in windows of time: weekly revenue, if there is such a topology. */
export function WindowStoreCard({ frame }: { frame: Frame }) {
  const running = frame.processors.filter(({ name }) => name.startsWith('topology:'));
  const { answer, problem } = useResource<Items<Topology>>('topologies', running.length);
  const chosen = useSignal<string | undefined>(undefined);
  const stores = windowStores(answer?.items ?? []);
  const store = stores.find(each => nameOf(each) === chosen.value) ?? stores[0];
  if (store === undefined) {
    return (
      <Card title="Windows">
        {problem !== undefined ? (
          <ProblemNote problem={problem} />
        ) : (
          <EmptyNote title={answer === undefined ? 'Asking for topologies …' : 'No topology has a store of windows'}>
            Group events with <code>windowedBy(tumbling('7d'))</code> in <code>defineTopology</code>; sums appear here
            while they grow.
          </EmptyNote>
        )}
      </Card>
    );
  }
  const position = running.find(({ name }) => name === `topology:${store.topology}`)?.position ?? 0;
  const choose = (
    <SelectField
      label="Store"
      value={nameOf(store)}
      options={stores.map(each => ({ value: nameOf(each), label: nameOf(each) }))}
      onChange={name => {
        chosen.value = name;
      }}
    />
  );
  return <StoreChart key={nameOf(store)} store={store} position={position} choose={stores.length > 1 && choose} />;
}

interface StoreChartParts {
  readonly store: WindowStore;
  readonly position: number;
  readonly choose: preact.ComponentChildren;
}

function StoreChart({ store, position, choose }: StoreChartParts) {
  const path = `topologies/${encodeURIComponent(store.topology)}/stores/${encodeURIComponent(store.store)}`;
  const { answer, problem } = useResource<Items<StoreEntry>>(`${path}?limit=${ENTRIES_MAX}`, position);
  const chosen = useSignal<string | undefined>(undefined);
  const entries = answer?.items ?? [];
  const fields = numericFields(entries);
  const field = fields.find(each => each === chosen.value) ?? fields[0] ?? '';
  const { times, values, keys } = windowSeries(entries, field, store.sizeMs);
  const total = values.reduce((sum, value) => sum + value, 0);
  const says = (value: number): string => (isMoney(field) ? MONEY.format(value) : formatCount(value));
  const day = (index: number): string => formatWindowStart((times[index] ?? 0) * 1000, store.sizeMs);
  const span = ((times.at(-1) ?? 0) - (times[0] ?? 0)) * 1000;
  const title = formatStatus(store.topology);
  if (problem !== undefined && answer === undefined) {
    return (
      <Card title={title} actions={choose}>
        <ProblemNote problem={problem} />
      </Card>
    );
  }
  if (values.length === 0) {
    return (
      <Card title={title} actions={choose}>
        <EmptyNote title="No window yet">The first event of topology {store.topology} opens one.</EmptyNote>
      </Card>
    );
  }
  const windows = `${formatPlural(values.length, 'window')} of ${formatDuration(store.sizeMs).replace(/ 00 .*/, '')}`;
  const cut = entries.length === ENTRIES_MAX ? `, the first ${formatCount(ENTRIES_MAX)} entries` : '';
  return (
    <ChartCard
      title={title}
      times={times}
      values={values}
      shape="bars"
      summary={`${labelOf(field)} in ${windows}, ${says(total)} in all`}
      note={`${says(total)} in ${windows}${keys > 1 ? `, ${formatPlural(keys, 'key')}` : ''}${cut}`}
      step={store.sizeMs / 1000}
      formatTime={seconds => formatAxisTime(seconds, span)}
      formatAxis={formatCompact}
      formatPoint={index => `from ${day(index)} · ${says(values[index] ?? 0)}`}
      columns={['Window from (UTC)', labelOf(field)]}
      row={index => [day(index), says(values[index] ?? 0)]}
      actions={
        <>
          {choose}
          {fields.length > 1 && (
            <SelectField
              label="Field"
              value={field}
              options={fields.map(each => ({ value: each, label: labelOf(each) }))}
              onChange={name => {
                chosen.value = name;
              }}
            />
          )}
        </>
      }
    />
  );
}

const MONEY = new Intl.NumberFormat('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

function labelOf(field: string): string {
  return isMoney(field) ? `${field} ÷ 100` : field;
}

function nameOf({ topology, store }: WindowStore): string {
  return `${topology} / ${store}`;
}
