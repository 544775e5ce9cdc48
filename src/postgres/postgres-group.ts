import { categoryOf, type MillraceError, type Outcome, SYSTEM_PREFIX } from '../core/index.ts';
import type {
  AppendCondition,
  AppendOutcome,
  CommitResult,
  CursorMove,
  EncodedEvent,
  ExpectedRevision,
  IdempotencyClaim,
  StreamAppend,
  TopicWrite,
} from '../storage/index.ts';
import {
  type ConflictingEvent,
  conditionConflict,
  cursorElsewhere,
  cursorLost,
  errorText,
  type ItemWrite,
  idReused,
  idsPartlyKnown,
  itemLost,
  keyReused,
  keyTaken,
  notParked,
  revisionConflict,
} from '../storage/index.ts';
import type { PostgresCatalog } from './postgres-catalog.ts';
import { type EventColumns, PostgresColumns, textArray } from './postgres-columns.ts';
import type { PlannedBatch } from './postgres-planned-batch.ts';

/** What the commit function answers. Numbers of batches, items and events count from 1, as arrays of PostgreSQL do. */
export interface GroupAnswer {
  /** Position of the last event before the group; null when no batch appended. */
  readonly head: number | null;
  readonly at: number;
  /** Where the stream of each append stood before the group. */
  readonly revisions: readonly number[] | null;
  /** Events of the group that were stored before. */
  readonly known: readonly KnownEvent[] | null;
  /** Batches whose keys were claimed before. */
  readonly claimed: readonly KnownClaim[] | null;
  readonly refusals: readonly Refusal[];
}

interface KnownClaim {
  readonly batch: number;
  /** Whether it is the same wish. */
  readonly same: boolean;
  readonly answer: string;
  /** JSON text of the outcomes of its appends. */
  readonly appends: string;
  readonly at: number;
}

interface KnownEvent {
  readonly event: number;
  readonly stream: string;
  readonly revision: number;
  readonly position: number;
  readonly at: number;
  /** Whether its content is the same. */
  readonly same: boolean;
}

interface Refusal {
  readonly batch: number;
  readonly item: number;
  readonly code:
    | 'REVISION_CONFLICT'
    | 'CONDITION_CONFLICT'
    | 'CURSOR_LOST'
    | 'CHECKPOINT_CONFLICT'
    | 'ITEM_LOST'
    | 'WORK_KEY_TAKEN'
    | 'WORK_NOT_FOUND';
  readonly actual: number | string | null;
  readonly conflicting?: readonly ConflictingEvent[] | null;
}

/** The outcomes of a group, and how far the log reaches after it; undefined when it did not look. */
export interface GroupResult {
  readonly outcomes: readonly Outcome<CommitResult>[];
  readonly log: { readonly from: number; readonly head: number } | undefined;
}

const EXPECTED: Readonly<Record<Exclude<ExpectedRevision, number>, number>> = { noStream: -1, any: -2, exists: -3 };
/** No stream stands below its beginning, and no number may be taken for one of the words. */
const NEVER = -4;

/** Batches on their way through the commit function: what it is given, and what its answer means to each of them. */
export class PostgresGroup {
  readonly #planned: readonly PlannedBatch[];
  readonly #catalog: PostgresCatalog;
  readonly #appends: { readonly batch: number; readonly append: StreamAppend }[] = [];
  readonly #events: { readonly batch: number; readonly append: number; readonly event: EncodedEvent }[] = [];
  readonly #conditions: AppendCondition[] = [];
  readonly #moves: CursorMove[] = [];
  readonly #items: ItemWrite[] = [];

  /** The batches must be independent of each other; see `roundsOf`. */
  constructor(planned: readonly PlannedBatch[], catalog: PostgresCatalog) {
    this.#planned = planned;
    this.#catalog = catalog;
  }

  /** The arguments of the commit function but the first, in their order. */
  arguments(): string[] {
    const columns = [
      ...this.#logColumns(),
      ...this.#conditionColumns(),
      this.#cursorColumns(),
      ...this.#workColumns(),
      this.#documentColumns(),
      ...this.#topicColumns(),
      ...this.#stateColumns(),
    ];
    const accepted = this.#planned.map(({ refusal }) => refusal === undefined);
    return [`{${this.#catalog.hashChain}}`, `{${accepted.join(',')}}`, ...columns.flatMap(column => column.literals())];
  }

  /** What came of each batch. */
  result(answer: GroupAnswer): GroupResult {
    const errors = new Map<number, MillraceError>();
    for (const refusal of answer.refusals) errors.set(refusal.batch, this.#refusal(refusal));
    const replays = this.#replays(answer, errors);
    for (const { batch, same, answer: first, appends: text, at } of answer.claimed ?? []) {
      errors.delete(batch);
      replays.delete(batch);
      const appends = JSON.parse(text) as AppendOutcome[];
      if (same) replays.set(batch, { appends, replayed: true, answer: first, recordedAt: at });
      else errors.set(batch, keyReused((this.#planned[batch - 1] as PlannedBatch).batch.claim as IdempotencyClaim));
    }
    this.#planned.forEach(({ refusal }, index) => {
      const number = index + 1;
      if (refusal !== undefined && !replays.has(number) && !errors.has(number)) errors.set(number, refusal);
    });
    const { appends, head } = this.#placed(answer, number => !errors.has(number) && !replays.has(number));
    const outcomes = this.#planned.map((_, index): Outcome<CommitResult> => {
      const number = index + 1;
      const error = errors.get(number);
      if (error !== undefined) return { error };
      const replay = replays.get(number);
      if (replay !== undefined) return { ok: replay };
      return { ok: { appends: appends.get(number) ?? [], replayed: false, recordedAt: answer.at } };
    });
    return { outcomes, log: answer.head === null ? undefined : { from: answer.head, head } };
  }

  /** Where the events of the accepted batches stand: each append goes on from its stream and from the log. */
  #placed({ head, revisions }: GroupAnswer, isAccepted: (batch: number) => boolean) {
    const streams = new Map<string, number>();
    const appends = new Map<number, AppendOutcome[]>();
    let position = head ?? 0;
    this.#appends.forEach(({ batch, append: { stream, events } }, index) => {
      if (!isAccepted(batch)) return;
      const before = streams.get(stream) ?? (revisions?.[index] as number);
      const revision = before + events.length;
      streams.set(stream, revision);
      position += events.length;
      const outcome = { stream, revision, position: events.length === 0 ? 0 : position };
      const others = appends.get(batch);
      if (others === undefined) appends.set(batch, [outcome]);
      else others.push(outcome);
    });
    return { appends, head: position };
  }

  /** The first results of batches that are stored already; those of which only a part is, or other content, become errors. */
  #replays({ known, revisions }: GroupAnswer, errors: Map<number, MillraceError>): Map<number, CommitResult> {
    const replays = new Map<number, CommitResult>();
    if (known === null) return replays;
    const found = new Map(known.map(stored => [stored.event, stored]));
    const batches = new Set(known.map(({ event }) => this.#events[event - 1]?.batch as number));
    for (const batch of batches) {
      const sent = this.#events.flatMap((entry, index) =>
        entry.batch === batch ? [{ ...entry, stored: found.get(index + 1) }] : [],
      );
      const error = repetitionError(sent, append => this.#appends[append - 1]?.append.stream);
      if (error !== undefined) {
        errors.set(batch, error);
        continue;
      }
      errors.delete(batch);
      const appends = this.#appends.flatMap((entry, index): AppendOutcome[] => {
        if (entry.batch !== batch) return [];
        const { stream } = entry.append;
        const last = sent.findLast(({ append }) => append === index + 1)?.stored;
        if (last === undefined) return [{ stream, revision: revisions?.[index] as number, position: 0 }];
        return [{ stream, revision: last.revision, position: last.position }];
      });
      replays.set(batch, { appends, replayed: true, recordedAt: sent.at(-1)?.stored?.at as number });
    }
    return replays;
  }

  #refusal({ code, item, actual, conflicting }: Refusal): MillraceError {
    switch (code) {
      case 'REVISION_CONFLICT': {
        const { append } = this.#appends[item - 1] as { append: StreamAppend };
        return revisionConflict(append, actual as number, conflicting ?? []);
      }
      case 'CONDITION_CONFLICT':
        return conditionConflict(this.#conditions[item - 1] as AppendCondition, conflicting ?? []);
      case 'CHECKPOINT_CONFLICT':
        return cursorElsewhere(this.#moves[item - 1] as CursorMove, actual as string | null);
      case 'WORK_KEY_TAKEN':
        return keyTaken(this.#items[item - 1] as ItemWrite, actual as string);
      case 'WORK_NOT_FOUND':
        return notParked(this.#items[item - 1] as ItemWrite, actual as string | null);
      case 'CURSOR_LOST':
        return cursorLost(this.#moves[item - 1] as CursorMove);
      case 'ITEM_LOST':
        return itemLost(this.#items[item - 1] as ItemWrite);
    }
  }

  #logColumns() {
    const appends = new PostgresColumns<[number, string, number, number]>(4);
    const events = new PostgresColumns<EventColumns>(13);
    const versions = new PostgresColumns<[number, string, number]>(3);
    this.#planned.forEach(({ batch, refusal, mayBeKnown }, index) => {
      const number = index + 1;
      for (const append of (refusal === undefined || mayBeKnown ? batch.appends : undefined) ?? []) {
        const { stream, expected, events: given } = append;
        this.#appends.push({ batch: number, append });
        appends.add(number, stream, expectedNumber(expected), given.length);
        const category = categoryOf(stream);
        for (const event of given) {
          this.#events.push({ batch: number, append: this.#appends.length, event });
          events.add(
            this.#appends.length,
            event.fresh,
            event.id,
            this.#catalog.kindOf(event.type, category),
            event.schemaVersion,
            event.data,
            event.metadata,
            event.correlationId,
            event.causationId,
            event.tags.length === 0 ? null : textArray(event.tags),
            event.occurredAt,
            event.recordedAt ?? null,
            `\\x${event.digest}`,
          );
          if (stream.startsWith(SYSTEM_PREFIX) || this.#catalog.isStored(event.type, event.schemaVersion)) continue;
          versions.add(number, event.type, event.schemaVersion);
        }
      }
    });
    return [appends, events, versions];
  }

  #conditionColumns() {
    const conditions = new PostgresColumns<[number, number, number, string | null, string]>(5);
    const claims = new PostgresColumns<[number, string, Uint8Array, string, number]>(5);
    this.#planned.forEach(({ batch: { conditions: given = [], claim }, refusal }, index) => {
      for (const condition of refusal === undefined ? given : []) {
        this.#conditions.push(condition);
        for (const { types, tags = [] } of condition.query) {
          const wanted = types === undefined ? null : textArray(types);
          conditions.add(index + 1, this.#conditions.length, condition.after, wanted, textArray(tags));
        }
      }
      if (claim !== undefined) claims.add(index + 1, claim.key, claim.digest, claim.answer, claim.keepMs);
    });
    return [conditions, claims];
  }

  #cursorColumns() {
    const moves = new PostgresColumns<[number, string, number, number, string | null, string]>(6);
    this.#planned.forEach(({ batch, refusal }, index) => {
      for (const move of (refusal === undefined ? batch.cursors : undefined) ?? []) {
        this.#moves.push(move);
        moves.add(index + 1, move.processor, move.partition, move.fence, move.from, move.to);
      }
    });
    return moves;
  }

  #workColumns() {
    const items = new PostgresColumns<
      [number, boolean, string, string, string, number | null, number | null, string | null, string | null]
    >(9);
    const purges = new PostgresColumns<[number, string, number, number]>(4);
    this.#planned.forEach(({ batch, refusal }, index) => {
      if (refusal !== undefined || batch.work === undefined) return;
      const last = new Map<string, ItemWrite>();
      for (const write of batch.work) {
        if (write.op !== 'purge' && write.op !== 'hold') last.set(JSON.stringify([write.queue, write.key]), write);
      }
      for (const write of batch.work) {
        if (write.op === 'purge') {
          purges.add(index + 1, write.queue, write.doneBefore, write.limit);
          continue;
        }
        this.#items.push(write);
        const error = write.op === 'enqueue' ? write.parked : 'error' in write ? write.error : undefined;
        items.add(
          index + 1,
          last.get(JSON.stringify([write.queue, write.key])) === write,
          write.op === 'complete' && write.keep === true ? 'keep' : write.op,
          write.queue,
          write.key,
          'fence' in write ? write.fence : null,
          'dueAt' in write ? write.dueAt : null,
          write.op === 'enqueue' ? write.payload : null,
          errorText(error),
        );
      }
    });
    return [items, purges];
  }

  #documentColumns() {
    const documents = new PostgresColumns<[number, number, string, string | null, string]>(5);
    this.#planned.forEach((planned, index) => {
      for (const { collection, key, body, indexes } of planned.documents) {
        documents.add(index + 1, collection, key, body, textArray(indexes));
      }
    });
    return documents;
  }

  #topicColumns() {
    const blocks = new PostgresColumns<[number, number, number, number, string, number]>(6);
    const trims = new PostgresColumns<[number, number, number]>(3);
    this.#planned.forEach(({ batch, refusal }, index) => {
      const writes = refusal === undefined ? (batch.topics ?? []) : [];
      writes.forEach((write, at) => {
        const { id } = this.#catalog.topic(write.topic) as { id: number };
        if (write.op === 'trim') trims.add(index + 1, id, write.producedBefore);
        else if (write.records.length > 0) {
          const records = JSON.stringify(write.records);
          const trimmed = trimmedBefore(write.topic, writes.slice(at + 1));
          blocks.add(index + 1, id, write.partition, write.records.length, records, trimmed);
        }
      });
    });
    return [blocks, trims];
  }

  #stateColumns() {
    const entries = new PostgresColumns<[number, number, number, string, number, number, string | null]>(7);
    const expiries = new PostgresColumns<[number, number, number, number]>(4);
    this.#planned.forEach((planned, index) => {
      for (const { store, partition, key, start, end, value } of planned.entries) {
        entries.add(index + 1, this.#catalog.storeId(store), partition, key, end, start, value);
      }
      for (const { store, partition, endBefore } of planned.expiries) {
        expiries.add(index + 1, this.#catalog.storeId(store), partition, endBefore);
      }
    });
    return [entries, expiries];
  }
}

/** Why events of which some are stored are no repetition; undefined when they are. */
function repetitionError(
  sent: readonly { readonly event: EncodedEvent; readonly append: number; readonly stored: KnownEvent | undefined }[],
  streamOf: (append: number) => string | undefined,
): MillraceError | undefined {
  for (const { event, append, stored } of sent) {
    if (stored !== undefined && (!stored.same || stored.stream !== streamOf(append)))
      return idReused(event, { stream: stored.stream, position: stored.position });
  }
  const unknown = sent.find(({ stored }) => stored === undefined);
  if (unknown === undefined) return undefined;
  const known = sent.find(({ stored }) => stored !== undefined) as { event: EncodedEvent };
  return idsPartlyKnown(known.event, unknown.event);
}

function expectedNumber(expected: ExpectedRevision): number {
  if (typeof expected !== 'number') return EXPECTED[expected];
  return expected >= 0 ? expected : NEVER;
}

/** The time before which the writes trim a topic; 0 when none does. */
function trimmedBefore(topic: string, writes: readonly TopicWrite[]): number {
  let before = 0;
  for (const write of writes) {
    if (write.op === 'trim' && write.topic === topic) before = Math.max(before, write.producedBefore);
  }
  return before;
}
