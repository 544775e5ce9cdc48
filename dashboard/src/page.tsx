import { formatCount, formatRate } from './format.ts';
import { frame } from './live-feed.ts';

/** The whole page. */
export function Page() {
  const now = frame.value;
  if (now === null) return <main class="page">Waiting for the server …</main>;
  return (
    <main class="page">
      <h1>Millrace</h1>
      <p>
        Head position {formatCount(now.head)}, {formatRate(now.appendsPerSecond)} events/s
      </p>
      <ul>
        {[...now.projections, ...now.processors].map(({ name, state, lag }) => (
          <li key={name}>
            {name}: {state}, {formatCount(lag)} behind
          </li>
        ))}
      </ul>
    </main>
  );
}
