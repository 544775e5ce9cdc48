import type { MillraceError } from '../core/index.ts';
import { DataKey } from './data-key.ts';
import type { KeyRow } from './key-row.ts';
import type { KeyEntry } from './sealed.ts';

/** Keys that are held in memory; the ones that were not used for longest make room. */
const ENTRIES_MAX = 10_000;

/** The keys that a process has unwrapped. Entries are shared with sealed values, so that forgetting reaches those that were read. */
export class KeyCache {
  readonly #entries = new Map<string, { readonly shared: KeyEntry; from?: string | undefined }>();

  /** The entry of a key; a new one says `absent` until the key is loaded. */
  entry(id: string, absent: MillraceError): KeyEntry {
    const known = this.#entries.get(id);
    this.#entries.delete(id);
    const cached = known ?? { shared: { key: absent } };
    this.#entries.set(id, cached);
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value as string);
    return cached.shared;
  }

  /** Whether the key in memory is the one that a row holds. */
  holds(id: string, row: KeyRow): boolean {
    const cached = this.#entries.get(id);
    return cached?.from === row.key && cached?.shared.key instanceof DataKey;
  }

  /** Notes which row the key in memory was unwrapped from. */
  keep(id: string, row: KeyRow): void {
    const cached = this.#entries.get(id);
    if (cached !== undefined) cached.from = row.key;
  }

  /** Destroys the key in memory, for all that was read with it too. */
  forget(id: string): void {
    const cached = this.#entries.get(id);
    if (cached === undefined) return;
    if (cached.shared.key instanceof DataKey) cached.shared.key.destroy();
    cached.shared.key = 'forgotten';
    cached.from = undefined;
  }
}
