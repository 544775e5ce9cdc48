import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Card } from './card.tsx';
import { Icon } from './icon.tsx';
import { TimeChart } from './time-chart.tsx';

interface ChartCardParts {
  readonly title: string;
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly shape: 'area' | 'bars';
  readonly summary: string;
  readonly step?: number;
  readonly range?: readonly [from: number, to: number];
  readonly formatTime: (seconds: number) => string;
  readonly formatAxis: (value: number) => string;
  /** What is said of one value. */
  readonly formatPoint: (index: number) => string;
  /** What is said while no value is pointed at. */
  readonly note: string;
  readonly columns: readonly [time: string, value: string];
  /** A row of the table. */
  readonly row: (index: number) => readonly [time: string, value: string];
  readonly actions?: ComponentChildren;
  readonly class?: string;
  /** Below the chart. */
  readonly children?: ComponentChildren;
}

/** A chart, what is said of the value under the pointer, and the same values as a table. */
export function ChartCard(parts: ChartCardParts) {
  const pointed = useSignal<number | null>(null);
  const asTable = useSignal(false);
  const { times, values } = parts;
  const index = pointed.value;
  const says = index !== null && index < times.length ? parts.formatPoint(index) : parts.note;
  const label = asTable.value ? 'Show as chart' : 'Show as table';
  const toggle = (
    <>
      {parts.actions}
      <button
        type="button"
        class="button button-icon"
        aria-label={label}
        title={label}
        onClick={() => {
          asTable.value = !asTable.value;
        }}
      >
        <Icon name={asTable.value ? 'chart' : 'table'} />
      </button>
    </>
  );
  return (
    <Card title={parts.title} note={says} actions={toggle} class={parts.class ?? ''}>
      {asTable.value ? (
        <ValueTable {...parts} />
      ) : (
        <TimeChart
          times={times}
          values={values}
          shape={parts.shape}
          summary={parts.summary}
          formatTime={parts.formatTime}
          formatValue={parts.formatAxis}
          onPoint={at => {
            pointed.value = at;
          }}
          {...(parts.range === undefined ? {} : { range: parts.range })}
          {...(parts.step === undefined ? {} : { step: parts.step })}
        />
      )}
      {parts.children}
    </Card>
  );
}

function ValueTable({ times, columns, row, summary }: ChartCardParts) {
  const indexes = times.map((_, index) => index).reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="value-table" tabIndex={0} aria-label={summary}>
      <table>
        <thead>
          <tr>
            <th scope="col">{columns[0]}</th>
            <th scope="col" class="number">
              {columns[1]}
            </th>
          </tr>
        </thead>
        <tbody>
          {indexes.map(index => {
            const [time, value] = row(index);
            return (
              <tr key={time}>
                <td>{time}</td>
                <td class="number">{value}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
