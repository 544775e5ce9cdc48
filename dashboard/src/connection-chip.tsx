import { now } from './clock.ts';
import { formatExact, formatRelative } from './format.ts';
import { Icon } from './icon.tsx';
import { connect, connection, frame } from './live-feed.ts';

/** Whether what is shown is live, and if not, since when and until when. */
export function ConnectionChip() {
  const { state } = connection.value;
  const last = frame.value?.at;
  const title = last === undefined ? 'Nothing received yet' : `Last update ${formatExact(last)}`;
  return (
    <div class="connection" title={title}>
      <span class={`pill tone-${state === 'live' ? 'good' : state === 'waiting' ? 'bad' : 'idle'}`} role="status">
        <Icon name={state === 'live' ? 'live' : state === 'paused' ? 'pause' : 'clock'} size={14} />
        {state === 'live'
          ? 'Live'
          : state === 'paused'
            ? 'Paused'
            : state === 'waiting'
              ? 'Reconnecting'
              : 'Connecting'}
      </span>
      {state === 'waiting' && <StaleSince last={last} />}
    </div>
  );
}

function StaleSince({ last }: { last: number | undefined }) {
  const { value } = connection;
  const wait = value.state === 'waiting' ? Math.max(0, value.retryAt - now.value) : 0;
  return (
    <>
      <span class="connection-text">
        {last !== undefined && `last update ${formatRelative(last, now.value)}, `}next try in {Math.ceil(wait / 1000)} s
      </span>
      <button type="button" class="button" onClick={connect}>
        Try now
      </button>
    </>
  );
}
