import type { Batch, EventQuery } from '../storage/index.ts';

/** How a batch uses something guarded: alone, or beside others that do not mind. */
type Use = 'alone' | 'beside';

interface Uses {
  alone: number;
  beside: number;
}

/** In which rounds events were appended, by what conditions can ask for. */
class AppendedRounds {
  readonly #ofTypes = new Map<string, number>();
  readonly #ofTags = new Map<string, number>();
  #last = -1;

  /** The events of a batch are appended in a round. */
  add({ appends = [] }: Batch, round: number): void {
    for (const { events } of appends) {
      for (const { type, tags } of events) {
        this.#last = Math.max(this.#last, round);
        this.#ofTypes.set(type, Math.max(this.#ofTypes.get(type) ?? -1, round));
        for (const tag of tags) this.#ofTags.set(tag, Math.max(this.#ofTags.get(tag) ?? -1, round));
      }
    }
  }

  /** The first round in which the conditions of a batch see all that was appended before it and that they could forbid. */
  before({ conditions = [] }: Batch): number {
    let round = 0;
    for (const { query } of conditions) for (const part of query) round = Math.max(round, this.#lastOf(part) + 1);
    return round;
  }

  #lastOf({ types, tags = [] }: EventQuery): number {
    const bounds = tags.map(tag => this.#ofTags.get(tag) ?? -1);
    if (types !== undefined) bounds.push(Math.max(-1, ...types.map(type => this.#ofTypes.get(type) ?? -1)));
    return Math.min(this.#last, ...bounds);
  }
}

/**
 * Splits batches into rounds, so that no two of one round touch the same guarded thing and each can be decided against the
 * state before its round. Of two batches that do, the later one comes in a later round: every batch is checked against what
 * the batches before it have written. Answers the round of each batch, from 0.
 */
export function roundsOf(batches: readonly Batch[]): number[] {
  if (areApart(batches)) return batches.map(() => 0);
  const used = new Map<string, Uses>();
  const appended = new AppendedRounds();
  return batches.map(batch => {
    const guards = guardsOf(batch);
    let round = appended.before(batch);
    for (const [guard, use] of guards) {
      const before = used.get(guard);
      if (before === undefined) continue;
      round = Math.max(round, before.alone + 1, use === 'alone' ? before.beside + 1 : 0);
    }
    for (const [guard, use] of guards) {
      const uses = used.get(guard) ?? { alone: -1, beside: -1 };
      uses[use] = Math.max(uses[use], round);
      used.set(guard, uses);
    }
    appended.add(batch, round);
    return round;
  });
}

/** Whether each batch is nothing but new events for a stream of its own, as most are: seen without naming what each of them touches. */
function areApart(batches: readonly Batch[]): boolean {
  const streams = new Set<string>();
  for (const { appends = [], class: _, ...others } of batches) {
    const [append] = appends;
    if (append === undefined || appends.length > 1 || !append.events.every(({ fresh }) => fresh)) return false;
    for (const name in others) if (others[name as keyof typeof others] !== undefined) return false;
    streams.add(append.stream);
  }
  return streams.size === batches.length;
}

function guardsOf(batch: Batch): Map<string, Use> {
  const guards = new Map<string, Use>();
  const alone = (guard: string): unknown => guards.set(guard, 'alone');
  const beside = (guard: string): unknown => guards.get(guard) ?? guards.set(guard, 'beside');
  for (const { stream, expected, events } of batch.appends ?? []) {
    // Events that come whatever there is can be numbered together; all else depends on where the stream stands.
    if (expected === 'any' && events.length > 0) beside(`stream ${stream}`);
    else alone(`stream ${stream}`);
    for (const { id, fresh } of events) if (!fresh) alone(`event ${id}`);
  }
  if (batch.claim !== undefined) alone(`claim ${batch.claim.key}`);
  for (const { processor, partition } of batch.cursors ?? []) alone(`cursor ${partition} ${processor}`);
  for (const { collection, key } of batch.documents ?? []) alone(`document ${JSON.stringify([collection, key])}`);
  for (const write of batch.work ?? []) {
    if (write.op === 'purge') {
      alone(`queue ${write.queue}`);
      continue;
    }
    beside(`queue ${write.queue}`);
    alone(`work ${JSON.stringify([write.queue, write.key])}`);
  }
  for (const write of batch.topics ?? []) {
    if (write.op === 'trim') alone(`topic ${write.topic}`);
    else beside(`topic ${write.topic}`);
  }
  // Whoever depends on where a stream stands also depends on whether it takes events.
  for (const write of batch.streams ?? []) {
    alone(write.op === 'category-retention' ? `retention ${write.category}` : `stream ${write.stream}`);
  }
  for (const { store, partition } of batch.state ?? []) alone(`state ${partition} ${store}`);
  return guards;
}
