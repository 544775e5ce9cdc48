import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { colours } from './theme.ts';

interface TimeChartParts {
  /** In seconds since 1970 UTC, ascending. */
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly shape: 'area' | 'bars';
  /** What the chart shows, in a sentence, for those who cannot see it. */
  readonly summary: string;
  /** What each bar stands for, in seconds. */
  readonly step?: number;
  /** First and last time shown; those of the data when it is left out. */
  readonly range?: readonly [from: number, to: number];
  readonly formatTime: (seconds: number) => string;
  readonly formatValue: (value: number) => string;
  /** Learns which value the pointer is at; null when it has left. */
  readonly onPoint: (index: number | null) => void;
}

const AXIS_FONT = '11px "IBM Plex Sans Variable", system-ui, sans-serif';
const TIME_LABEL_SPACE = 84;
const VALUE_LABEL_SPACE = 44;
/** So few bars are not stretched over the whole width. */
const BARS_MIN = 12;
/** The highest mark of a chart of nothing. */
const TOP_OF_NOTHING = 4;

/** Values over time, drawn on a canvas. A table of the same values is the card's business. */
export function TimeChart(parts: TimeChartParts) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(parts);
  latest.current = parts;
  const drawn = colours.value;

  useEffect(() => {
    const target = place.current;
    if (target === null) return;
    const made = new uPlot(optionsOf(latest, target), dataOf(latest.current), target);
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize(sizeOf(target)));
    observer.observe(target);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [drawn, parts.shape]);

  useEffect(() => chart.current?.setData(dataOf(parts)), [parts.times, parts.values]);

  return <div ref={place} class="chart" role="img" aria-label={parts.summary} />;
}

/** The chart fills its card, which is as high as its neighbours. */
function sizeOf({ clientWidth, clientHeight }: HTMLElement): { width: number; height: number } {
  return { width: clientWidth, height: clientHeight };
}

function dataOf({ times, values }: TimeChartParts): uPlot.AlignedData {
  return [[...times], values.map(value => (Number.isNaN(value) ? null : value))];
}

function optionsOf(latest: { current: TimeChartParts }, target: HTMLElement): uPlot.Options {
  const style = getComputedStyle(target);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const accent = colour('--accent');
  const bars = latest.current.shape === 'bars';
  const grid = { stroke: colour('--line'), width: 1 };
  const axis = { font: AXIS_FONT, stroke: colour('--text-muted') };
  return {
    ...sizeOf(target),
    padding: [8, 28, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: bars ? { show: false } : { size: 7, fill: accent, stroke: colour('--surface'), width: 2 },
    },
    scales: {
      x: {
        range: () => [...(latest.current.range ?? paddedRange(latest.current))],
      },
      y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.1 : TOP_OF_NOTHING] },
    },
    series: [
      {},
      {
        stroke: accent,
        width: bars ? 0 : 1.5,
        fill: `${accent}${bars ? 'd9' : '24'}`,
        points: { show: false },
        ...(bars && uPlot.paths.bars !== undefined
          ? { paths: uPlot.paths.bars({ size: [0.72, 28], radius: 0.15 }) }
          : {}),
      },
    ],
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { show: false },
        space: TIME_LABEL_SPACE,
        size: 28,
        values: (_chart, splits) => splits.map(split => latest.current.formatTime(split)),
      },
      {
        ...axis,
        grid,
        ticks: { show: false },
        border: { show: false },
        space: VALUE_LABEL_SPACE,
        size: 48,
        gap: 8,
        values: (_chart, splits) => splits.map(split => latest.current.formatValue(split)),
      },
    ],
    tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    hooks: { setCursor: [({ cursor }) => latest.current.onPoint(cursor.idx ?? null)] },
  };
}

/** Bars stand on their middle, so that the first and last need half a width more. */
function paddedRange({ times, step = 0 }: TimeChartParts): [number, number] {
  const from = times[0] ?? 0;
  const to = times.at(-1) ?? from + 1;
  return [from - step / 2, Math.max(to, from + (BARS_MIN - 1) * step) + step / 2];
}
