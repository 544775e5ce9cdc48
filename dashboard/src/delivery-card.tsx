import type { Delivery, DeliveryCounts, Frame, Items, RouteSummary } from './api-shapes.ts';
import { Card } from './card.tsx';
import { EmptyNote } from './empty-note.tsx';
import { formatCount } from './format.ts';
import { Icon, type IconName } from './icon.tsx';
import { MomentText } from './moment-text.tsx';
import { useResource, useResources } from './use-resource.ts';

/** Of those that wait, so many for each destination are looked at to tell which have failed before. */
const WAITING_LOOKED_AT = 1_000;
/** The oldest; those behind them mostly say the same. */
const DEAD_LETTERS_SHOWN = 3;

/** What the router delivers, route by route. */
export function DeliveryCard({ deliveries }: { deliveries: Frame['deliveries'] }) {
  const names = Object.keys(deliveries.routes);
  const routes = useResource<Items<RouteSummary>>(names.length === 0 ? undefined : 'routes', names.join());
  return (
    <Card title="Deliveries" note="by route">
      {names.length === 0 ? (
        <EmptyNote title="No route is defined">
          Say with <code>defineRoute</code> which events go where, and name the route in <code>defineApp</code>.
        </EmptyNote>
      ) : (
        <ul class="routes">
          {Object.entries(deliveries.routes).map(([name, counts]) => {
            const destinations = routes.answer?.items.find(route => route.name === name)?.destinations ?? [];
            return <RouteDeliveries key={name} name={name} counts={counts} destinations={destinations} />;
          })}
        </ul>
      )}
    </Card>
  );
}

interface RouteParts {
  readonly name: string;
  readonly counts: DeliveryCounts;
  readonly destinations: readonly string[];
}

function RouteDeliveries({ name, counts, destinations }: RouteParts) {
  const { pending, delivered, deadLettered } = counts;
  const lists = (state: string, limit: number): readonly string[] =>
    destinations.map(
      destination => `deliveries?${new URLSearchParams({ route: name, destination, state, limit: String(limit) })}`,
    );
  const waiting = useResources<Items<Delivery>>(
    pending > 0 ? lists('pending', WAITING_LOOKED_AT) : [],
    `${pending} ${delivered}`,
  );
  const dead = useResources<Items<Delivery>>(
    deadLettered > 0 ? lists('deadLettered', DEAD_LETTERS_SHOWN) : [],
    deadLettered,
  );
  const retried = itemsOf(waiting.answer).filter(({ failedAttempts }) => failedAttempts > 0);
  const retrying = Math.min(retried.length, pending);
  const total = pending + delivered + deadLettered;
  return (
    <li class="route">
      <h3>
        {name}
        <span class="muted">{destinations.join(', ')}</span>
      </h3>
      <div class="share-bar" aria-hidden="true">
        {delivered > 0 && <span class="tone-good" style={{ flexGrow: delivered }} />}
        {pending > 0 && <span class="tone-warn" style={{ flexGrow: pending }} />}
        {deadLettered > 0 && <span class="tone-bad" style={{ flexGrow: deadLettered }} />}
      </div>
      <dl class="quad" data-route={name}>
        <Figure label="Delivered" icon="check" tone="good" value={delivered} />
        <Figure label="Waiting" icon="clock" tone="accent" value={pending - retrying} />
        <Figure label="Retrying" icon="undo" tone="warn" value={retrying} />
        <Figure label="Dead letters" icon="cross" tone="bad" value={deadLettered} />
      </dl>
      {total === 0 && <p class="muted">No event has matched this route yet.</p>}
      {itemsOf(dead.answer)
        .slice(0, DEAD_LETTERS_SHOWN)
        .map(delivery => (
          <DeadLetter key={delivery.id} delivery={delivery} />
        ))}
    </li>
  );
}

function itemsOf(answers: readonly Items<Delivery>[] | undefined): readonly Delivery[] {
  return answers?.flatMap(({ items }) => items) ?? [];
}

function Figure({ label, icon, tone, value }: { label: string; icon: IconName; tone: string; value: number }) {
  return (
    <div class={value === 0 ? 'muted' : ''}>
      <dt>
        <span class={`count-mark tone-${value === 0 ? 'idle' : tone}`}>
          <Icon name={icon} size={14} />
        </span>
        {label}
      </dt>
      <dd data-delivery-count={label}>{formatCount(value)}</dd>
    </div>
  );
}

function DeadLetter({ delivery: { position, failedAttempts, settledAt, error } }: { delivery: Delivery }) {
  return (
    <p class="dead-letter">
      Event {formatCount(position)} was given up after {formatCount(failedAttempts + 1)} attempts,{' '}
      <MomentText at={settledAt} />
      {error !== null && (
        <>
          : <code>{error.code}</code> {error.message}
        </>
      )}
    </p>
  );
}
