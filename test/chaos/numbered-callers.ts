import { isMillraceError, type Random, sleep, systemClock } from '../../src/core/index.ts';
import type { Storage } from '../../src/storage/index.ts';
import { sampleAppend } from '../../src/testing/conformance/sample-event.ts';
import { type NumberedBatch, numberedBatch, tagOf } from '../postgres/numbered-batch.ts';
import { EventCount } from './log-subscriber.ts';

const DECISIONS_MAX = 5;

/** What callers do, and whom they tell of it. */
export interface NumberedLoad {
  readonly writer: string;
  readonly callers: number;
  readonly random: Random;
  readonly isEnding: () => boolean;
  /** A batch was answered; it is called before anything else happens. */
  readonly answered: (name: string) => void;
  /** A caller was told what it must not be told. */
  readonly failed: (what: string) => void;
}

/**
 * Commits batches from several callers: some after a pause, some beside one that is refused, some decided on the events that have a
 * tag, some twice under an idempotency key.
 */
export async function runNumberedCallers(storage: Storage, load: NumberedLoad): Promise<void> {
  const { writer, callers, random, isEnding, answered, failed } = load;
  const counts = new Map<string, EventCount>();
  let next = 0;

  async function call(): Promise<void> {
    while (!isEnding()) {
      const number = next++;
      const chance = random.fraction();
      if (random.fraction() < 0.1) await sleep(systemClock, random.fraction() * 5);
      try {
        if (chance < 0.2) {
          if (await decide(number)) answered(`${writer} ${number}`);
          continue;
        }
        const batch = numberedBatch(writer, number);
        if (chance < 0.3) await refuse(batch);
        if (chance < 0.4) await repeat(batch, `${writer} ${number}`);
        else await storage.commit(batch);
        answered(`${writer} ${number}`);
      } catch (thrown) {
        failed(String(thrown));
      }
    }
  }

  /** Appends only if the log holds no event with the tag but those that were counted. */
  async function decide(number: number): Promise<boolean> {
    const tag = tagOf(number);
    const count = counts.get(tag) ?? new EventCount({ tags: [tag] });
    counts.set(tag, count);
    for (let decision = 0; decision < DECISIONS_MAX; decision++) {
      const { seen, after } = await count.upToNow(storage);
      try {
        await storage.commit({
          ...numberedBatch(writer, number, seen),
          conditions: [{ query: [{ tags: [tag] }], after }],
        });
        return true;
      } catch (thrown) {
        if (!isMillraceError(thrown, 'CONDITION_CONFLICT')) throw thrown;
      }
    }
    return false;
  }

  /** A batch that is dropped whole, beside others that are not. */
  async function refuse(batch: NumberedBatch): Promise<void> {
    const refused = { ...batch, appends: [...batch.appends, sampleAppend('hot-0', 9e9)] };
    await storage.commit(refused).then(
      () => failed('a batch was accepted that had to be refused'),
      thrown => {
        if (!isMillraceError(thrown, 'REVISION_CONFLICT', 'INVALID_ARGUMENT')) throw thrown;
      },
    );
  }

  async function repeat(batch: NumberedBatch, key: string): Promise<void> {
    const claim = { key, digest: new Uint8Array(32), answer: key, keepMs: 3_600_000 };
    const first = await storage.commit({ ...batch, claim });
    const second = await storage.commit({ ...batch, claim });
    const same = JSON.stringify(first.appends) === JSON.stringify(second.appends);
    if (!second.replayed || second.answer !== key || !same) failed(`${key} was not answered as the first time`);
  }

  await Promise.all(Array.from({ length: callers }, call));
}
