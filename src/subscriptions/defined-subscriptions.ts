import { checkedName, isMillraceError, MillraceError } from '../core/index.ts';
import { checkStartAt, deadLetterQueue, type Environment, positionBefore, type StartAt } from '../processing/index.ts';
import type { LogFilter, StoredEvent } from '../storage/index.ts';
import { defineSubscription, processorOf, type Subscription } from './subscription.ts';

/** What a subscription wants that is defined while an app runs. Its events are pulled. */
export interface SubscriptionWish {
  readonly description?: string;
  /** Which events it wants. Default: all but Millrace's own. */
  readonly filter?: Pick<LogFilter, 'types' | 'tags' | 'category' | 'streamPrefix' | 'correlationId'>;
  /** Where it begins. Default: `beginning`. */
  readonly startAt?: StartAt;
  /** How many consumers can be at work at once. Default: 16. */
  readonly partitions?: number;
  /** Events of one key are given out in order. Default: `stream`. */
  readonly key?: 'stream' | 'correlation';
  /** How often an event is given out before it is parked. Default: 5. */
  readonly attempts?: number;
}

/** One of them, as the log tells of it. */
export interface DefinedSubscription {
  readonly name: string;
  /** Under what its checkpoints are kept: another one each time it is defined. */
  readonly identity: string;
  readonly wish: SubscriptionWish;
  /** Behind which it begins. */
  readonly position: number;
}

const CATEGORY = '$subscription';
const DEFINED = 'SubscriptionDefined';
const DELETED = 'SubscriptionDeleted';
const PAGE = 500;

/** The subscriptions that were defined while an app ran. Each has a stream of its own that tells of it, so that all processes know of them. */
export class DefinedSubscriptions {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The one of a name, as it stands; undefined when there is none. */
  async find(name: string): Promise<DefinedSubscription | undefined> {
    const range = { direction: 'backward', limit: 1 } as const;
    const [last] = await this.#environment.storage.log.readStream(streamOf(name), range);
    return last === undefined ? undefined : definedBy(last);
  }

  /** All that there are, in the order in which they were first defined. */
  async list(): Promise<readonly DefinedSubscription[]> {
    const last = new Map<string, StoredEvent>();
    const { log } = this.#environment.storage;
    for (let after = 0; ; ) {
      const { events, through } = await log.readLog({ after, limit: PAGE, filter: { category: CATEGORY } });
      for (const event of events) last.set(event.stream, event);
      if (events.length === 0) return [...last.values()].flatMap(event => definedBy(event) ?? []);
      after = through;
    }
  }

  /**
   * Defines one, and answers whether it is new: the same again does no harm. Throws `ALREADY_EXISTS` when it is there with other wishes, and
   * what is wrong with these.
   */
  async define(name: string, wish: SubscriptionWish): Promise<boolean> {
    checkedName(name, 'The name of a subscription');
    subscriptionOf(name, wish);
    const { startAt = 'beginning' } = wish;
    checkStartAt(startAt);
    const { log } = this.#environment.storage;
    const revision = await log.streamRevision(streamOf(name));
    const there = await this.find(name);
    if (there !== undefined) {
      if (JSON.stringify(there.wish) === JSON.stringify(wish)) return false;
      throw otherWishes(name);
    }
    const position = await positionBefore(startAt, log);
    await this.#tell(name, revision, { type: DEFINED, data: { wish, position } });
    return true;
  }

  /** Deletes one, with all that it has parked. Answers whether it was there. */
  async delete(name: string): Promise<boolean> {
    const { storage } = this.#environment;
    const revision = await storage.log.streamRevision(streamOf(name));
    const there = await this.find(name);
    if (there === undefined) return false;
    await this.#tell(name, revision, { type: DELETED, data: {} });
    const queue = deadLetterQueue(processorOf(there.identity));
    for (const state of ['parked', 'ready'] as const) {
      for (;;) {
        const items = await storage.work.list(queue, { state, limit: PAGE });
        if (items.length === 0) break;
        await storage.commit({ work: items.map(({ key }) => ({ op: 'cancel', queue, key })) });
      }
    }
    return true;
  }

  async #tell(name: string, revision: number, event: { type: string; data: object }): Promise<void> {
    const stream = streamOf(name);
    const encoded = this.#environment.codec.encodeOwn(stream, event);
    const expected = revision === -1 ? 'noStream' : revision;
    try {
      await this.#environment.storage.commit({ appends: [{ stream, expected, events: [encoded] }] });
    } catch (thrown) {
      if (isMillraceError(thrown, 'REVISION_CONFLICT')) throw otherWishes(name);
      throw thrown;
    }
  }
}

/** The subscription that a wish asks for. */
export function subscriptionOf(identity: string, wish: SubscriptionWish, position?: number): Subscription {
  const { description, filter: { types, ...filter } = {}, partitions, key = 'stream', attempts } = wish;
  const subscription = defineSubscription(identity, {
    ...(description === undefined ? {} : { description }),
    ...(position === undefined ? {} : { startAt: { position } }),
    ...(partitions === undefined ? {} : { partitions }),
    ...(attempts === undefined ? {} : { failure: { retry: { attempts, base: '1s', cap: '1m' } } }),
    ...(key === 'stream' ? {} : { key: event => event.metadata.correlationId ?? event.stream }),
  });
  const wanted = types === undefined ? { withoutSystem: true, ...filter } : { types, ...filter };
  return { ...subscription, filter: wanted };
}

function definedBy({ type, stream, revision, data }: StoredEvent): DefinedSubscription | undefined {
  if (type !== DEFINED) return undefined;
  const name = stream.slice(streamOf('').length);
  const { wish, position } = JSON.parse(data) as { wish: SubscriptionWish; position: number };
  return { name, identity: revision === 0 ? name : `${name}@${revision}`, wish, position };
}

function streamOf(name: string): string {
  return `${CATEGORY}-${name}`;
}

function otherWishes(name: string): MillraceError {
  const message = `Subscription ${name} is defined otherwise already. Delete it first, or use another name.`;
  return new MillraceError('ALREADY_EXISTS', message, { details: { subscription: name } });
}
