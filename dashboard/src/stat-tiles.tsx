import type { Frame } from './api-shapes.ts';
import { ratesOf } from './append-history.ts';
import { followersOf } from './followers-of.ts';
import { formatCount, formatPlural, formatRate } from './format.ts';
import { STUCK } from './health.ts';
import { history } from './live-feed.ts';
import { sagaTotals } from './saga-totals.ts';
import { Sparkline } from './sparkline.tsx';
import { StatTile } from './stat-tile.tsx';

const SPARKLINE_POINTS = 60;

/** The figures that say most. */
export function StatTiles({ frame }: { frame: Frame }) {
  const { rates } = ratesOf(history.value);
  const recent = rates.slice(-SPARKLINE_POINTS).map(rate => (Number.isNaN(rate) ? 0 : rate));
  const peak = Math.max(0, ...rates.filter(rate => !Number.isNaN(rate)));
  const slowest = followersOf(frame).toSorted((one, other) => other.lag - one.lag)[0];
  const { total, underWay, stuck } = sagaTotals(frame.sagas, STUCK);
  const { delivered, pending, deadLettered } = frame.deliveries;
  const settled = delivered + deadLettered;
  return (
    <dl class="tiles">
      <StatTile
        name="rate"
        label="Append rate"
        value={formatRate(frame.appendsPerSecond)}
        unit="events/s"
        picture={<Sparkline values={recent} />}
        detail={`peak ${formatRate(peak)} in the last 5 min`}
      />
      <StatTile
        name="head"
        label="Head of the log"
        value={formatCount(frame.head)}
        detail={frame.head === 0 ? 'no event yet' : 'position of last event'}
      />
      <StatTile
        name="lag"
        label="Worst lag"
        value={formatCount(slowest?.lag ?? 0)}
        unit="events"
        detail={slowest === undefined ? 'nothing follows the log' : slowest.lag === 0 ? 'all caught up' : slowest.title}
      />
      <StatTile
        name="sagas"
        label="Sagas under way"
        value={formatCount(underWay)}
        detail={stuck > 0 ? `${formatCount(stuck)} wait for a person` : `${formatCount(total - underWay)} have ended`}
        {...(stuck > 0 ? { tone: 'bad' as const } : {})}
      />
      <StatTile
        name="deliveries"
        label="Delivered"
        value={formatCount(delivered)}
        {...(settled > 0 ? { unit: `${shareOf(delivered, settled)} of settled` } : {})}
        detail={`${formatCount(pending)} waiting, ${formatPlural(deadLettered, 'dead letter')}`}
        {...(deadLettered > 0 ? { tone: 'warn' as const } : {})}
      />
    </dl>
  );
}

/** Rounded down, so that only all of them are 100 %. */
function shareOf(part: number, whole: number): string {
  return `${Math.floor((part / whole) * 1000) / 10} %`;
}
