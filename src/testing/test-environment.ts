import {
  type Clock,
  createIdSource,
  type Random,
  seededRandom,
  silentTelemetry,
  type Telemetry,
} from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import { openSqlite } from '../sqlite/index.ts';
import type { Storage } from '../storage/index.ts';
import { type AnyEvent, EventCodec, EventStore, type KeyProvider, KeyRing } from '../store/index.ts';
import { VirtualClock } from './virtual-clock.ts';

/** An environment for tests, and the clock that drives it. */
export interface TestEnvironment<C extends Clock = VirtualClock> extends Environment {
  readonly clock: C;
}

/**
 * Makes the surroundings of a part for a test: a store in memory, a virtual clock and seeded chance unless others are given.
 * Close its storage at the end.
 */
export async function createTestEnvironment(
  options: {
    definitions?: readonly AnyEvent[];
    storage?: Storage;
    clock?: VirtualClock;
    seed?: number;
    telemetry?: Telemetry;
    owner?: string;
    keys?: KeyProvider;
  } = {},
): Promise<TestEnvironment> {
  const random: Random = seededRandom(options.seed ?? 1);
  const clock = options.clock ?? new VirtualClock();
  const storage = options.storage ?? (await openSqlite({ file: ':memory:', clock }));
  const telemetry = options.telemetry ?? silentTelemetry;
  const ids = createIdSource({ clock, random });
  const own = new EventCodec({ definitions: [], strict: false, ids });
  const keys = new KeyRing({ storage, provider: options.keys, events: own, clock });
  const codec = new EventCodec({ definitions: options.definitions ?? [], strict: false, ids, keys });
  const events = new EventStore({ storage, codec, clock, telemetry });
  return { storage, clock, random, ids, codec, keys, events, telemetry, owner: options.owner ?? 'test' };
}
