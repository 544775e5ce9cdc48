import type { ParkedEvents } from './parked-events.ts';

/** Which keys have parked events that later ones have to wait for, as far as one process knows of them. */
export class BlockedKeys {
  readonly #parked: ParkedEvents;
  /** The last parked event of each key that has one; undefined until they have been looked up. */
  #last: Map<string, string> | undefined;

  constructor(parked: ParkedEvents) {
    this.#parked = parked;
  }

  /** The parked event that a key waits for. Replays go in order: when the last of a key is gone, all of them are. */
  async behind(key: string): Promise<string | undefined> {
    this.#last ??= await this.#parked.lastOfKeys();
    const last = this.#last.get(key);
    if (last === undefined || (await this.#parked.has(last)) !== undefined) return last;
    this.#last.delete(key);
    return undefined;
  }

  /** Notes that an event of a key is parked. */
  add(key: string, id: string): void {
    this.#last?.set(key, id);
  }

  /** Has them looked up again: others may have parked events. */
  forget(): void {
    this.#last = undefined;
  }
}
