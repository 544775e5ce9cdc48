import { isMillraceError, MillraceError, sleep } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { Batch, CursorLease, CursorMove } from '../storage/index.ts';
import type { Deployment } from './deployment.ts';

const COLLECTION = '$projections';
const REQUESTS = '$projection-requests';
/** How long the answer to a request is kept. */
const REQUESTS_KEPT_MS = 7 * 86_400_000;
/** Answers that are deleted at once when they are old. */
const DELETED_MAX = 100;
const PROCESSOR = 'projections';
const LEASE_MS = 5_000;
/** How long a change waits for others that are being made, here or elsewhere. */
const PATIENCE_MS = 15_000;
const RETRY_MS = 50;
const MOST = 10_000;

/** What a change makes of a deployment, with everything else that has to be committed with it. */
export interface DeploymentChange {
  readonly deployment: Deployment;
  readonly with?: Pick<Batch, 'cursors' | 'work'>;
}

/**
 * Keeps which builds every read model has. Each change is one commit under a cursor of its own, so that of two changes, in whichever
 * processes, one is made after the other and in its sight. All deployments are read at once: what is seen together stood together.
 */
export class DeploymentLedger {
  readonly #environment: Environment;
  #deployments: ReadonlyMap<string, Deployment> = new Map();
  #last: Promise<unknown> = Promise.resolve();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** All deployments as they were last seen, together. */
  get all(): ReadonlyMap<string, Deployment> {
    return this.#deployments;
  }

  /** Makes the collection, and reads it. */
  async open(): Promise<void> {
    const owner = { processor: PROCESSOR };
    const { documents } = this.#environment.storage;
    await documents.define({ name: COLLECTION, owner, indexes: [] });
    await documents.define({ name: REQUESTS, owner, indexes: ['at'] });
    await this.refresh();
  }

  /** Looks again; true when something has changed. */
  async refresh(): Promise<boolean> {
    const rows = await this.#environment.storage.documents.query(COLLECTION, { limit: MOST });
    const before = this.#deployments;
    const changed = rows.length !== before.size || rows.some(row => JSON.stringify(before.get(row.key)) !== row.body);
    if (!changed) return false;
    this.#deployments = new Map(rows.map(({ key, body }) => [key, JSON.parse(body) as Deployment]));
    return true;
  }

  /**
   * Changes the deployment of one read model. `decide` is given how it stands and answers what becomes of it, or nothing; it may be asked
   * again. Answers the deployment as it is afterwards.
   */
  change(
    name: string,
    decide: (current: Deployment | undefined) => DeploymentChange | undefined,
  ): Promise<Deployment | undefined> {
    const done = this.#last.then(() => this.#change(name, decide));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** What was answered to a request; undefined when nothing was, or longer than a week ago. */
  async answerTo(requestId: string): Promise<unknown> {
    const body = await this.#environment.storage.documents.get(REQUESTS, requestId);
    return body === undefined ? undefined : (JSON.parse(body) as { answer: unknown }).answer;
  }

  /** Keeps what is answered to a request, and forgets old ones. */
  keepAnswer(requestId: string, answer: unknown): Promise<void> {
    const done = this.#last.then(() => this.#keepAnswer(requestId, answer));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #keepAnswer(requestId: string, answer: unknown): Promise<void> {
    const { storage, clock } = this.#environment;
    const at = clock.now();
    const oldest = await storage.documents.query(REQUESTS, { orderBy: 'at', limit: DELETED_MAX });
    const old = oldest.filter(({ body }) => (JSON.parse(body) as { at: number }).at < at - REQUESTS_KEPT_MS);
    const lease = await this.#hold(clock.monotonic() + PATIENCE_MS);
    try {
      await storage.commit({
        cursors: [moveOf(lease)],
        documents: [
          { collection: REQUESTS, key: requestId, body: JSON.stringify({ at, answer }) },
          ...old.map(({ key }) => ({ collection: REQUESTS, key, body: null })),
        ],
      });
    } finally {
      await storage.cursors.release(lease).catch(() => undefined);
    }
  }

  async #change(
    name: string,
    decide: (current: Deployment | undefined) => DeploymentChange | undefined,
  ): Promise<Deployment | undefined> {
    const { storage, clock } = this.#environment;
    const until = clock.monotonic() + PATIENCE_MS;
    for (;;) {
      const lease = await this.#hold(until);
      try {
        await this.refresh();
        const change = decide(this.#deployments.get(name));
        if (change !== undefined) await this.#commit(lease, change);
        await this.refresh();
        return this.#deployments.get(name);
      } catch (thrown) {
        if (!isPassing(thrown) || clock.monotonic() > until) throw thrown;
      } finally {
        await storage.cursors.release(lease).catch(() => undefined);
      }
      await sleep(clock, RETRY_MS);
    }
  }

  async #commit(lease: CursorLease, change: DeploymentChange): Promise<void> {
    const { storage, clock } = this.#environment;
    const deployment = { ...change.deployment, changedAt: clock.now() };
    await storage.commit({
      ...change.with,
      cursors: [moveOf(lease), ...(change.with?.cursors ?? [])],
      documents: [{ collection: COLLECTION, key: deployment.name, body: JSON.stringify(deployment) }],
    });
  }

  async #hold(until: number): Promise<CursorLease> {
    const { storage, clock, owner } = this.#environment;
    for (;;) {
      const request = { processor: PROCESSOR, partitions: [0], owner, leaseMs: LEASE_MS };
      const [lease] = await storage.cursors.acquire(request);
      if (lease !== undefined) return lease;
      if (clock.monotonic() > until) {
        throw new MillraceError(
          'STORAGE_UNAVAILABLE',
          `Another process has been changing deployments for ${PATIENCE_MS} ms. Try again.`,
        );
      }
      await sleep(clock, RETRY_MS);
    }
  }
}

function moveOf({ processor, partition, fence, checkpoint: from }: CursorLease): CursorMove {
  return { processor, partition, fence, from, to: String(Number(from ?? 0) + 1) };
}

/** Whether somebody else was first, or it is unknown whether the change was made: then it is looked at again. */
function isPassing(thrown: unknown): boolean {
  if (isMillraceError(thrown, 'STORAGE_UNAVAILABLE')) return true;
  return isMillraceError(thrown, 'LEASE_LOST', 'CHECKPOINT_CONFLICT') && thrown.details['processor'] === PROCESSOR;
}
