import Table from 'cli-table3';
import type { Bar, Benchmark, FigureColumn } from './benchmark.ts';
import type { Results } from './contest.ts';
import { median } from './statistics.ts';

/** The middle and the ends of some rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** A bar and what was reached. */
export interface Verdict extends Bar {
  readonly reached: number;
  readonly passed: boolean;
}

/** What came of a benchmark. */
export interface Report {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  /** By contestant and figure. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, Spread>>>>;
  /** By contestant: the median of its rate beside that of each other one in the same round. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly verdicts: readonly Verdict[];
}

/** The first column is what contestants are compared by. */
export function reportOn(benchmark: Benchmark, results: Results): Report {
  const { name, title, columns, bars } = benchmark;
  const names = Object.keys(results);
  const compared = (columns[0] as FigureColumn).figure;
  const spreads = names.map(contestant => {
    const own = columns.map(({ figure }) => [figure, spread(valuesOf(results, contestant, figure))]);
    return [contestant, Object.fromEntries(own) as Record<string, Spread>];
  });
  const ratios = names.map(contestant => [
    contestant,
    Object.fromEntries(names.map(other => [other, ratio(results, contestant, other, compared)])),
  ]);
  return {
    name,
    title,
    rounds: results[names[0] as string]?.length ?? 0,
    figures: Object.fromEntries(spreads),
    ratios: Object.fromEntries(ratios),
    verdicts: bars.map(bar => verdictOf(bar, results)),
  };
}

/** The report as a table, and one line for each bar. */
export function reportLines({ columns }: Benchmark, report: Report): string {
  const names = Object.keys(report.figures);
  const [limit, ...others] = names as [string, ...string[]];
  const beside = others.length === 0 ? [] : [...new Set([limit, ...others.filter(name => name === 'floor')])];
  const table = new Table({
    head: ['', ...columns.map(({ title }) => title), ...beside.map(name => `x ${name}`)],
    colAligns: ['left', ...[...columns, ...beside].map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const name of names) {
    const own = columns.map(column => spreadText(report.figures[name]?.[column.figure] as Spread, column.digits ?? 0));
    table.push([name, ...own, ...beside.map(other => (report.ratios[name]?.[other] ?? 0).toFixed(2))]);
  }
  return [
    `${report.title} (${report.name}, ${report.rounds} rounds)`,
    table.toString(),
    ...report.verdicts.map(verdictLine),
    '',
  ].join('\n');
}

function verdictLine({ figure, contestant, to, atLeast, atMost, reached, passed }: Verdict): string {
  const bar = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
  return `  ${passed ? 'PASS' : 'MISS'}  ${figure} of ${contestant} is ${reached.toFixed(2)}${to === undefined ? '' : ` x ${to}`}; ${bar} is wanted`;
}

function verdictOf(bar: Bar, results: Results): Verdict {
  const { contestant, figure, to } = bar;
  const reached =
    to === undefined ? median(valuesOf(results, contestant, figure)) : ratio(results, contestant, to, figure);
  const passed =
    reached >= (bar.atLeast ?? Number.NEGATIVE_INFINITY) && reached <= (bar.atMost ?? Number.POSITIVE_INFINITY);
  return { ...bar, reached, passed };
}

/** Rounds of one index ran side by side, so that their ratio holds when the machine's speed drifts between rounds. */
function ratio(results: Results, contestant: string, other: string, figure: string): number {
  const others = valuesOf(results, other, figure);
  return median(valuesOf(results, contestant, figure).map((value, round) => value / (others[round] as number)));
}

function valuesOf(results: Results, contestant: string, figure: string): number[] {
  return (results[contestant] ?? []).map(figures => figures[figure] as number);
}

function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function spreadText({ median: middle, min, max }: Spread, digits: number): string {
  const text = (value: number): string =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return min === max ? text(middle) : `${text(middle)} (${text(min)} to ${text(max)})`;
}
