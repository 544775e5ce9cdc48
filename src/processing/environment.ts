import type { Clock, IdSource, Random, Telemetry } from '../core/index.ts';
import type { Storage } from '../storage/index.ts';
import type { EventCodec, EventStore, KeyRing } from '../store/index.ts';

/** What every part needs from its surroundings; an app makes one and gives it to all. Nothing else is reached for. */
export interface Environment {
  readonly storage: Storage;
  readonly events: EventStore;
  readonly codec: EventCodec;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdSource;
  readonly telemetry: Telemetry;
  /** Name of this process, new at every start: whose leases are whose. */
  readonly owner: string;
}
