import { silentTelemetry, systemClock } from '../core/index.ts';
import { promote } from '../replication/index.ts';
import { openStorage, type StoreLocation } from './open-storage.ts';

/**
 * Makes a secondary a primary, so that an app can be started on it. It waits up to 20 s for the lease of the old primary to end; nothing that the
 * old one still sends is accepted afterwards, and it refuses to write (`STORAGE_FENCED`) as soon as it learns of it. Answers the new
 * epoch and the position up to which the log goes. Asked again, it answers the same.
 * Errors: `INVALID_ARGUMENT` for a store that is no secondary, `LEASE_LOST` when a primary goes on writing it, `STORAGE_OWNED` when another
 * process has the file open.
 */
export async function promoteStore(
  store: StoreLocation,
): Promise<{ readonly epoch: number; readonly position: number }> {
  const storage = await openStorage(store, { clock: systemClock, logger: silentTelemetry.logger });
  try {
    return await promote(storage);
  } finally {
    if (typeof store === 'string') await storage.close();
  }
}
