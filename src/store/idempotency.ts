import { canonicalJson, checkedName, MillraceError, sha256 } from '../core/index.ts';
import type { CommitResult, IdempotencyClaim, IdempotentResult, StreamAppend } from '../storage/index.ts';
import type { AppendResult } from './append-committer.ts';
import type { Command } from './command.ts';

/** How long an idempotency key is kept: 7 days. A repetition that comes later is taken for something new. */
export const IDEMPOTENCY_KEY_KEPT_MS = 7 * 24 * 60 * 60 * 1_000;

/** What a claim keeps of each stream of an append, to answer a repetition with; the storage knows the rest. */
interface KeptAnswer {
  readonly ids: readonly string[];
  /** Where the stream stood when nothing had to happen to it; 0 otherwise. */
  readonly position: number;
}

/** Something to be done once, however often it is asked for. */
export interface RepeatableWish {
  readonly key: string;
  readonly digest: Uint8Array;
}

/** The wish to append: streams and events, by their content and by ids that were chosen. Undefined without a key. */
export function wishToAppend(key: string | undefined, appends: readonly StreamAppend[]): RepeatableWish | undefined {
  return wish(key, () =>
    appends.map(({ stream, events }) => [stream, events.map(event => [event.digest, event.fresh ? null : event.id])]),
  );
}

/** The wish to carry out commands, whatever they lead to. Undefined without a key. */
export function wishToExecute(key: string | undefined, commands: readonly Command[]): RepeatableWish | undefined {
  return wish(key, () => commands.map(({ decider, stream, name, data }) => [decider.name, stream, name, data ?? null]));
}

/** The claim of a wish, so that its repetition is answered by `resultsOf`. `positions`: where streams stand that are not written. */
export function claimOf(
  wished: RepeatableWish | undefined,
  appends: readonly StreamAppend[],
  positions: readonly number[] = [],
): { claim?: IdempotencyClaim } {
  if (wished === undefined) return {};
  const answer: KeptAnswer[] = appends.map(({ events }, index) => ({
    ids: events.map(({ id }) => id),
    position: positions[index] ?? 0,
  }));
  return { claim: { ...wished, answer: JSON.stringify(answer), keepMs: IDEMPOTENCY_KEY_KEPT_MS } };
}

/** The first results of a wish. Throws `IDEMPOTENCY_KEY_REUSED` when something else was done under its key. */
export function repeatedResults({ key, digest }: RepeatableWish, known: IdempotentResult): readonly AppendResult[] {
  if (Buffer.compare(known.digest, digest) === 0) return resultsOf(known) ?? [];
  throw new MillraceError(
    'IDEMPOTENCY_KEY_REUSED',
    `Idempotency key ${key} was used for another request. Nothing was done: give this one a key of its own.`,
    { details: { key } },
  );
}

/** The results that a claim kept; undefined when the commit was no repetition under a key. */
export function resultsOf({
  appends,
  answer,
  recordedAt,
}: Omit<CommitResult, 'replayed'>): readonly AppendResult[] | undefined {
  if (answer === undefined) return undefined;
  const kept = JSON.parse(answer) as readonly KeptAnswer[];
  return appends.map(({ stream, revision, position }, index) => {
    const { ids = [], position: basis = 0 } = kept[index] ?? {};
    return {
      stream,
      revision,
      position: ids.length > 0 ? position : basis,
      ids,
      count: ids.length,
      recordedAt,
      replayed: true,
    };
  });
}

function wish(key: string | undefined, content: () => unknown): RepeatableWish | undefined {
  if (key === undefined) return undefined;
  checkedName(key, 'The idempotency key');
  return { key, digest: Buffer.from(sha256(canonicalJson(content())), 'hex') };
}
