import type { Frame } from './api-shapes.ts';
import { Card } from './card.tsx';
import { EmptyNote } from './empty-note.tsx';
import { type Follower, followersOf } from './followers-of.ts';
import { formatCount } from './format.ts';
import { lags } from './live-feed.ts';
import { MomentText } from './moment-text.tsx';
import { Sparkline } from './sparkline.tsx';
import { lookOf, StandingPill } from './standing-pill.tsx';

/** Everything that follows the log: how far it has come, and why it does not get on, if so. */
export function ProcessorCard({ frame }: { frame: Frame }) {
  const followers = followersOf(frame);
  return (
    <Card title="Projections and processors" note="how far each has followed the log" class="span-12">
      {followers.length === 0 ? (
        <EmptyNote title="Nothing follows the log">
          This server runs without an app: it stores and serves events. Start it with <code>--app ./app.js</code> to
          have projections, sagas, topologies and routes.
        </EmptyNote>
      ) : (
        <table class="table stacking">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Position
              </th>
              <th scope="col">Progress</th>
              <th scope="col" class="number">
                Lag
              </th>
              <th scope="col">Lag, last minute</th>
              <th scope="col" class="number">
                Advanced
              </th>
            </tr>
          </thead>
          <tbody>
            {followers.map(follower => (
              <FollowerRows key={follower.name} follower={follower} head={frame.head} />
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

function FollowerRows({ follower, head }: { follower: Follower; head: number }) {
  const { name, title, kind, version, description, standing, position, lag, advancedAt, reason, failedAt } = follower;
  const share = head === 0 ? 1 : Math.min(1, (head - lag) / head);
  return (
    <>
      <tr data-processor={name}>
        <th scope="row">
          <span class={`kind kind-${kind}`}>{kind}</span>
          <span class="processor-name" title={description ?? name}>
            {title}
            {version !== undefined && <span class="muted"> v{version}</span>}
          </span>
        </th>
        <td data-label="State">
          <StandingPill standing={standing} />
        </td>
        <td class="number" data-label="Position">
          {formatCount(position)}
        </td>
        <td class="progress-cell" data-label="Progress">
          <span class="progress" title={`${formatCount(lag)} of ${formatCount(head)} to go`}>
            <span
              class={`tone-${reason !== null ? lookOf(standing).tone : lag === 0 ? 'good' : 'accent'}`}
              style={{ width: `${share * 100}%` }}
            />
          </span>
        </td>
        <td class="number" data-label="Lag">
          <span data-lag={name}>{formatCount(lag)}</span>
        </td>
        <td class="trend-cell" data-label="Lag, last minute">
          <Sparkline values={lags.value[name] ?? []} />
        </td>
        <td class="number" data-label="Advanced">
          <MomentText at={advancedAt} />
        </td>
      </tr>
      {reason !== null && (
        <tr class="reason-row">
          <td colSpan={7}>
            <code>{reason.code}</code> {reason.message}
            {failedAt !== null && <span class="muted"> at event {formatCount(failedAt)}</span>}
          </td>
        </tr>
      )}
    </>
  );
}
