import type { Frame } from './api-shapes.ts';
import { AppendRateCard } from './append-rate-card.tsx';
import { now } from './clock.ts';
import { DeliveryCard } from './delivery-card.tsx';
import { GettingStarted } from './getting-started.tsx';
import { healthOf, healthUnknown } from './health.ts';
import { HealthLine } from './health-line.tsx';
import { connection } from './live-feed.ts';
import { ProcessorCard } from './processor-card.tsx';
import { SagaCountsCard } from './saga-counts-card.tsx';
import { StatTiles } from './stat-tiles.tsx';
import { WindowStoreCard } from './window-store-card.tsx';

/** Everything at a glance. */
export function Overview({ frame }: { frame: Frame }) {
  return (
    <>
      <HealthLine health={connection.value.state === 'waiting' ? healthUnknown(frame, now.value) : healthOf(frame)} />
      {frame.head === 0 && <GettingStarted />}
      <StatTiles frame={frame} />
      <div class="cards">
        <div class="span-8 column">
          <AppendRateCard />
          <WindowStoreCard frame={frame} />
        </div>
        <div class="span-4 column">
          <SagaCountsCard sagas={frame.sagas} />
          <DeliveryCard deliveries={frame.deliveries} />
        </div>
        <ProcessorCard frame={frame} />
      </div>
    </>
  );
}
