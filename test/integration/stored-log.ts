import { openStorage, systemClock } from 'millrace';
import type { StoredEvent } from 'millrace/storage';

/** Every record of a store that nobody has open, as it is stored. */
export async function storedLog(store: string): Promise<readonly StoredEvent[]> {
  const nowhere = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const storage = await openStorage(store, { clock: systemClock, logger: nowhere });
  const events: StoredEvent[] = [];
  try {
    for (;;) {
      const page = await storage.log.readLog({ after: events.length, limit: 1_000 });
      if (page.events.length === 0) return events;
      events.push(...page.events);
    }
  } finally {
    await storage.close();
  }
}
