import { now } from './clock.ts';
import { formatExact, formatRelative } from './format.ts';

/** A time as people say it; exactly on hover. */
export function MomentText({ at }: { at: number | string | null }) {
  if (at === null) return <span class="muted">–</span>;
  const time = typeof at === 'string' ? Date.parse(at) : at;
  return (
    <time dateTime={new Date(time).toISOString()} title={formatExact(time)}>
      {formatRelative(time, now.value)}
    </time>
  );
}
