import { setTimeout as elapse } from 'node:timers/promises';
import type { Batch, Capabilities, CommitResult, Storage } from '../../storage/index.ts';

/** A storage made for one test, with nothing in it. */
export interface OpenedStorage {
  readonly storage: Storage;
  /** Opens what the closed storage left behind. Needed when the suite is told that the storage `reopens`. */
  reopen?(): Promise<Storage>;
  /** Moves the clock of the storage. Default: the test waits out the time by the clock of the machine. */
  advance?(durationMs: number): void | Promise<void>;
  /** Removes what the test left behind; the storage has been closed. */
  destroy?(): Promise<void>;
}

/** How thorough the property tests are. */
export interface Thoroughness {
  /** How many random histories each property is tried on. */
  readonly runs: number;
  /** What repeats them; a new one each time when undefined. */
  readonly seed: number | undefined;
}

/** What is tested, and how thoroughly. */
export interface ConformanceSubject {
  readonly capabilities: Capabilities;
  readonly thoroughness: Thoroughness;
  open(): Promise<OpenedStorage>;
}

/** Longest lease that is waited out when the clock of the storage cannot be moved. */
const LEASE_WAITED_OUT_MS = 20;
const LEASE_SKIPPED_MS = 60_000;
/** Timers of the machine may fire a little before the time by its clocks. */
const MARGIN_MS = 5;
/** A lease that no test outlives. */
export const LONG_LEASE_MS = 600_000;

/** What a test works with: the storage under test, and what the suite can do to it. */
export class ConformanceContext {
  /** What the storage is said to be able to do. */
  readonly declared: Capabilities;
  readonly thoroughness: Thoroughness;
  readonly #subject: ConformanceSubject;
  readonly #opened: OpenedStorage;
  #storage: Storage;

  constructor(subject: ConformanceSubject, opened: OpenedStorage) {
    this.declared = subject.capabilities;
    this.thoroughness = subject.thoroughness;
    this.#subject = subject;
    this.#opened = opened;
    this.#storage = opened.storage;
  }

  /** The storage; another object after each `reopen`. */
  get storage(): Storage {
    return this.#storage;
  }

  get capabilities(): Capabilities {
    return this.#storage.capabilities;
  }

  get canMoveClock(): boolean {
    return this.#opened.advance !== undefined;
  }

  get canReopen(): boolean {
    return this.#opened.reopen !== undefined;
  }

  commit(batch: Batch): Promise<CommitResult> {
    return this.#storage.commit(batch);
  }

  /** Closes the storage and opens it again. */
  async reopen(): Promise<void> {
    await this.#storage.close();
    if (this.#opened.reopen === undefined) throw new Error('The storage is said to reopen, but gives no `reopen`.');
    this.#storage = await this.#opened.reopen();
  }

  /** The length of a lease that the test lets end. */
  get shortLeaseMs(): number {
    return this.canMoveClock ? LEASE_SKIPPED_MS : LEASE_WAITED_OUT_MS;
  }

  /** Lets time pass by the clock of the storage, until leases of `shortLeaseMs` have ended. */
  async outlastShortLease(): Promise<void> {
    await this.advance(this.shortLeaseMs + MARGIN_MS);
  }

  /** Lets time pass by the clock of the storage. */
  async advance(durationMs: number): Promise<void> {
    if (this.#opened.advance === undefined) await elapse(durationMs);
    else await this.#opened.advance(durationMs);
  }

  /** Runs a property on a storage of its own, with nothing in it. */
  async withFreshStorage(run: (context: ConformanceContext) => Promise<void>): Promise<void> {
    await runOnFreshStorage(this.#subject, run);
  }
}

/** Opens a storage, runs something on it, and removes it, also when that fails. */
export async function runOnFreshStorage(
  subject: ConformanceSubject,
  run: (context: ConformanceContext) => Promise<void>,
): Promise<void> {
  const opened = await subject.open();
  const context = new ConformanceContext(subject, opened);
  try {
    await run(context);
  } finally {
    await context.storage.close();
    await opened.destroy?.();
  }
}
