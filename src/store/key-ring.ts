import { createHash } from 'node:crypto';
import { type Clock, checkedName, isMillraceError, MillraceError, messageOf, secureBytes } from '../core/index.ts';
import type { CollectionDefinition, DocumentWrite, EncodedEvent, Storage, StreamAppend } from '../storage/index.ts';
import { DataKey, KEY_BYTES } from './data-key.ts';
import { holdsSealed, keysIn, revived } from './event-seal.ts';
import { KeyCache } from './key-cache.ts';
import type { KeyProvider } from './key-provider.ts';
import { type ForgetReason, type KeyEvent, type KeyRow, keyStream } from './key-row.ts';
import type { Decoders, KeyEntry, LoadedKeys } from './sealed.ts';

/** Where data keys are kept, wrapped. Each is guarded by a stream of its own, which tells what became of it, and when. */
const KEYS: CollectionDefinition = { name: '$keys', owner: { category: '$key' }, indexes: ['state', 'kek'] };

/** Keys that one commit of a rotation wraps anew. */
const ROTATION_PAGE = 100;
const CONFLICTS_MAX = 10;

/** What a store knows of its keys. */
export interface KeyStatus {
  /** Keys in use, by the name of the key-encryption key that wraps them. */
  readonly active: Readonly<Record<string, number>>;
  /** Subjects that were forgotten. */
  readonly forgotten: number;
  /** Those of them whose key has not been erased from the files yet. */
  readonly forgetting: number;
}

/** What became of a subject that was to be forgotten. */
export interface Forgetting {
  /** Id of its key: the hash of its name. */
  readonly key: string;
  /** Whether it had a key at all. Either way nothing of it can be sealed any more. */
  readonly hadKey: boolean;
  /** False where the storage cannot say that its files hold nothing of the key any more. */
  readonly erased: boolean;
}

/** No keys at all. */
export const noKeys: LoadedKeys = id => ({ key: missing(id) });

/** Makes the events that tell of keys. */
interface KeyEvents {
  encodeOwn(stream: string, event: KeyEvent & { metadata?: { userId?: string } }): EncodedEvent;
}

/**
 * The keys of subjects: made with the first sensitive event of a subject, kept wrapped in the store, wrapped anew by `rotate`, destroyed by
 * `forget`. What is kept is looked up for every page that is read, so that a subject forgotten by any process is forgotten at once.
 */
export class KeyRing {
  readonly #storage: Storage;
  readonly #provider: KeyProvider | undefined;
  readonly #events: KeyEvents;
  readonly #clock: Clock;
  readonly #cache = new KeyCache();
  #decoders: Decoders = () => undefined;
  #defined: Promise<void> | undefined;

  constructor(parts: { storage: Storage; provider?: KeyProvider | undefined; events: KeyEvents; clock: Clock }) {
    this.#storage = parts.storage;
    this.#provider = parts.provider;
    this.#events = parts.events;
    this.#clock = parts.clock;
  }

  /** Whether there is something to seal with. */
  get canSeal(): boolean {
    return this.#provider !== undefined;
  }

  /** Says how values are read that `revive` and `parse` give back. */
  decodeBy(decoders: Decoders): void {
    this.#decoders = decoders;
  }

  /** Ends what a crash interrupted: keys that are destroyed already are erased from the files. */
  async start(): Promise<void> {
    if (this.#provider === undefined) return;
    await this.#define();
    for (;;) {
      const found = await this.#storage.documents.query(KEYS.name, {
        where: { state: 'forgetting' },
        limit: ROTATION_PAGE,
      });
      if (found.length === 0) return;
      for (const { key } of found) if (!(await this.#erase(key))) return;
    }
  }

  /** Loads keys, or why they are not to be had: what is opened says it. Throws only what the storage throws. */
  async load(wanted: readonly string[]): Promise<LoadedKeys> {
    if (wanted.length === 0) return noKeys;
    const ids = [...new Set(wanted)];
    return this.#entriesOf(ids, await this.#rows(ids));
  }

  /** A value that came from JSON, with the sealed values in it as they were: `open` gives what they hold. */
  async revive<T>(value: T): Promise<T> {
    const text = JSON.stringify(value) ?? '';
    return holdsSealed(text) ? (revived(value, await this.load(keysIn(text)), this.#decoders) as T) : value;
  }

  /** JSON text as a value, with the sealed values in it as they were. */
  async parse(text: string): Promise<unknown> {
    const value: unknown = JSON.parse(text);
    return holdsSealed(text) ? revived(value, await this.load(keysIn(text)), this.#decoders) : value;
  }

  /**
   * The keys of subjects, made where there are none yet. Throws `SUBJECT_FORGOTTEN`, `KEY_MISSING` without a provider, and what
   * unwrapping throws.
   */
  async obtain(subjects: readonly string[]): Promise<ReadonlyMap<string, { id: string; key: DataKey }>> {
    const wanted = new Map(subjects.map(subject => [subject, keyId(subject)]));
    const ids = [...new Set(wanted.values())];
    const entries = await this.#entriesOf(ids, await this.#made(ids));
    const keys = new Map<string, { id: string; key: DataKey }>();
    for (const [subject, id] of wanted) {
      const { key } = entries(id);
      if (key === 'forgotten') throw forgottenSubject(id);
      if (key instanceof MillraceError) throw key;
      keys.set(subject, { id, key });
    }
    return keys;
  }

  /**
   * Forgets a subject: destroys its key, so that nothing that was sealed under it opens again, in any copy of the store that comes
   * after. It is an event of its own, and final. Answers once the key is in none of the store's files any more; doing it again does
   * no harm.
   */
  async forget(subject: string, reason: ForgetReason = {}): Promise<Forgetting> {
    checkedName(subject, 'The subject to forget');
    await this.#define();
    const id = keyId(subject);
    const hadKey = await this.#inTurn(id, async (row, expected) => {
      if (row !== undefined && row.state !== 'active') return row.hadKey ?? true;
      const { userId, reason: why } = reason;
      const event: KeyEvent = {
        type: 'SubjectForgotten',
        data: { key: id, ...(why === undefined ? {} : { reason: why }) },
      };
      const next: KeyRow = { state: 'forgetting', at: this.#clock.now(), hadKey: row !== undefined };
      await this.#commit([this.#change(id, expected, event, next, userId)]);
      return row !== undefined;
    });
    this.#cache.forget(id);
    return { key: id, hadKey, erased: await this.#erase(keyStream(id)) };
  }

  /**
   * Wraps every key under the provider's current key-encryption key; no event is rewritten. It can be interrupted and begun again
   * at any time. Answers how many keys it wrapped.
   */
  async rotate(): Promise<number> {
    const { current } = this.#needed();
    await this.#define();
    let rewrapped = 0;
    for (;;) {
      const keks = await this.#storage.documents.countBy(KEYS.name, 'kek');
      const old = [...keks.keys()].find(kek => kek !== current && kek !== '' && kek !== 'null');
      if (old === undefined) return rewrapped;
      const page = await this.#storage.documents.query(KEYS.name, { where: { kek: old }, limit: ROTATION_PAGE });
      if (page.length === 0) return rewrapped;
      for (const { key: stream } of page) rewrapped += Number(await this.#rewrap(stream.slice(keyStream('').length)));
    }
  }

  /** How many keys there are, under which key-encryption keys, and how many were destroyed. */
  async status(): Promise<KeyStatus> {
    await this.#define();
    const { documents } = this.#storage;
    const [keks, states] = [await documents.countBy(KEYS.name, 'kek'), await documents.countBy(KEYS.name, 'state')];
    const forgetting = states.get('forgetting') ?? 0;
    const active = [...keks].filter(([kek]) => kek !== '' && kek !== 'null');
    return { active: Object.fromEntries(active), forgotten: (states.get('forgotten') ?? 0) + forgetting, forgetting };
  }

  async #entriesOf(ids: readonly string[], rows: ReadonlyMap<string, KeyRow>): Promise<LoadedKeys> {
    const entries = new Map<string, KeyEntry>();
    for (const id of ids) {
      const row = rows.get(id);
      const entry = this.#cache.entry(id, missing(id));
      entries.set(id, entry);
      if (row === undefined) continue;
      if (row.state !== 'active') this.#cache.forget(id);
      else if (!this.#cache.holds(id, row)) {
        const key = await this.#unwrapped(id, row).catch(unavailable);
        // Forgotten is final: while the key was being unwrapped, its subject may have been.
        if (entry.key instanceof MillraceError) entry.key = key;
        if (key instanceof DataKey) this.#cache.keep(id, row);
      }
    }
    return id => entries.get(id) ?? noKeys(id);
  }

  /** The rows of keys, of which those are made that are not there yet. */
  async #made(ids: readonly string[]): Promise<ReadonlyMap<string, KeyRow>> {
    await this.#define();
    for (let tries = 0; ; tries++) {
      const rows = await this.#rows(ids);
      const absent = ids.filter(id => !rows.has(id));
      if (absent.length === 0) return rows;
      try {
        await this.#commit(await Promise.all(absent.map(id => this.#birth(id))));
      } catch (thrown) {
        // Another caller made one of them; or nobody knows, and what is there tells.
        if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'STORAGE_UNAVAILABLE') || tries === CONFLICTS_MAX)
          throw thrown;
      }
    }
  }

  async #birth(id: string) {
    const secret = secureBytes(KEY_BYTES);
    const { kek, key } = await this.#wrapped(id, secret);
    secret.fill(0);
    return this.#change(id, -1, { type: 'DataKeyCreated', data: { key: id, kek } }, { state: 'active', kek, key });
  }

  #rewrap(id: string): Promise<boolean> {
    return this.#inTurn(id, async (row, expected) => {
      const provider = this.#needed();
      if (row?.state !== 'active' || row.kek === provider.current) return false;
      const secret = await this.#secret(id, row);
      const { kek, key } = await this.#wrapped(id, secret);
      secret.fill(0);
      const event: KeyEvent = { type: 'DataKeyRewrapped', data: { key: id, kek } };
      await this.#commit([this.#change(id, expected, event, { state: 'active', kek, key })]);
      return true;
    });
  }

  /** Sees that the files hold nothing of a destroyed key any more, then says so in the log. */
  async #erase(stream: string): Promise<boolean> {
    const id = stream.slice(keyStream('').length);
    if (this.#storage.eraseDeleted === undefined) return false;
    return this.#inTurn(id, async (row, expected) => {
      if (row?.state !== 'forgetting') return row?.state === 'forgotten';
      await this.#storage.eraseDeleted?.();
      const event: KeyEvent = { type: 'DataKeyErased', data: { key: id } };
      await this.#commit([this.#change(id, expected, event, { ...row, state: 'forgotten' })]);
      return true;
    });
  }

  /** Does something that rests on how a key stands, again when that has changed meanwhile or nobody knows. */
  async #inTurn<T>(id: string, act: (row: KeyRow | undefined, revision: number) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      // The revision first: a row that is newer than it makes the commit fail.
      const revision = await this.#storage.log.streamRevision(keyStream(id));
      const row = (await this.#rows([id])).get(id);
      try {
        return await act(row, revision);
      } catch (thrown) {
        if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'STORAGE_UNAVAILABLE') || tries === CONFLICTS_MAX)
          throw thrown;
      }
    }
  }

  #change(id: string, revision: number, event: KeyEvent, row: KeyRow, userId?: string) {
    const stream = keyStream(id);
    const encoded = this.#events.encodeOwn(stream, {
      ...event,
      ...(userId === undefined ? {} : { metadata: { userId } }),
    });
    const append: StreamAppend = { stream, expected: revision === -1 ? 'noStream' : revision, events: [encoded] };
    const document: DocumentWrite = { collection: KEYS.name, key: stream, body: JSON.stringify(row) };
    return { append, document };
  }

  async #commit(changes: readonly { append: StreamAppend; document: DocumentWrite }[]): Promise<void> {
    const appends = changes.map(({ append }) => append);
    await this.#storage.commit({ appends, documents: changes.map(({ document }) => document) });
  }

  async #rows(ids: readonly string[]): Promise<Map<string, KeyRow>> {
    try {
      const found = await this.#storage.documents.getMany(KEYS.name, ids.map(keyStream));
      return new Map(
        ids.flatMap(id => {
          const body = found.get(keyStream(id));
          return body === undefined ? [] : [[id, JSON.parse(body) as KeyRow]];
        }),
      );
    } catch (thrown) {
      if (isMillraceError(thrown, 'COLLECTION_NOT_DEFINED')) return new Map();
      throw thrown;
    }
  }

  async #wrapped(id: string, secret: Uint8Array): Promise<{ kek: string; key: string }> {
    const { kek, wrapped } = await this.#needed()
      .wrap(secret, id)
      .catch(thrown => {
        throw unavailable(thrown);
      });
    return { kek, key: Buffer.from(wrapped).toString('base64') };
  }

  async #unwrapped(id: string, row: KeyRow): Promise<DataKey> {
    const secret = await this.#secret(id, row);
    const key = new DataKey(secret);
    secret.fill(0);
    return key;
  }

  #secret(id: string, { kek = '', key = '' }: KeyRow): Promise<Uint8Array> {
    return this.#needed(kek).unwrap({ kek, wrapped: Buffer.from(key, 'base64') }, id);
  }

  #needed(kek?: string): KeyProvider {
    if (this.#provider !== undefined) return this.#provider;
    throw new MillraceError(
      'KEY_MISSING',
      `No keys were given${kek === undefined ? ' to seal sensitive data with' : `; key-encryption key ${kek} is needed`}. Say where they are: keys: 'file:<path>' or 'env:<name>', or --keys.`,
      { details: kek === undefined ? {} : { kek } },
    );
  }

  #define(): Promise<void> {
    this.#defined ??= this.#storage.documents.define(KEYS).catch(thrown => {
      this.#defined = undefined;
      throw thrown;
    });
    return this.#defined;
  }
}

/** The id of a subject's key: a hash, because a name may itself say who somebody is. */
function keyId(subject: string): string {
  return createHash('sha256').update(`default\0${subject}`).digest('hex').slice(0, 32);
}

function unavailable(thrown: unknown): MillraceError {
  if (isMillraceError(thrown)) return thrown;
  return new MillraceError('KEY_UNAVAILABLE', `The keys cannot be reached: ${messageOf(thrown)}`, { cause: thrown });
}

function missing(key: string): MillraceError {
  return new MillraceError(
    'KEY_MISSING',
    `The store does not hold data key ${key}: it was restored without its keys, or they come later. Restore them from the backup of keys.`,
    { details: { key } },
  );
}

function forgottenSubject(key: string): MillraceError {
  return new MillraceError(
    'SUBJECT_FORGOTTEN',
    `The subject of data key ${key} was forgotten. Nothing was appended: sensitive data of it is not kept any more.`,
    { details: { key } },
  );
}
