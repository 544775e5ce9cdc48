import { HISTORY_MS, ratesOf } from './append-history.ts';
import { ChartCard } from './chart-card.tsx';
import { formatClock, formatCompact, formatRate } from './format.ts';
import { history } from './live-feed.ts';

const SPAN_MIN_S = 30;

/** How many events were appended each second of the last minutes. */
export function AppendRateCard() {
  const { times, rates } = ratesOf(history.value);
  const known = rates.filter(rate => !Number.isNaN(rate));
  const peak = Math.max(0, ...known);
  const to = times.at(-1) ?? Date.now() / 1000;
  const from = Math.max(to - HISTORY_MS / 1000, Math.min(times[0] ?? to, to - SPAN_MIN_S));
  const at = (index: number): string => formatClock(times[index] ?? 0);
  const rate = (index: number): string => `${formatRate(rates[index] ?? 0)} events/s`;
  return (
    <ChartCard
      title="Append rate"
      times={times}
      values={rates}
      shape="area"
      range={[from, to]}
      summary={`Events appended per second over the last minutes, at most ${formatRate(peak)}`}
      note={`events per second, peak ${formatRate(peak)}`}
      formatTime={formatClock}
      formatAxis={formatCompact}
      formatPoint={index => `${at(index)} · ${rate(index)}`}
      columns={['Time', 'Events per second']}
      row={index => [at(index), formatRate(rates[index] ?? 0)]}
    />
  );
}
