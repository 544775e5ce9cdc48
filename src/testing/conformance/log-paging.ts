import assert from 'node:assert/strict';
import type { Arbitrary } from 'fast-check';
import { categoryOf } from '../../core/index.ts';
import type { EncodedEvent, EventQuery, LogFilter, LogReader, StoredEvent } from '../../storage/index.ts';
import type { ConformanceContext } from './conformance-context.ts';
import { type FastCheck, loadFastCheck } from './property-testing.ts';
import { sampleAppend, sampleEvent } from './sample-event.ts';

const STREAMS = ['a-1', 'a-12', 'ab-1', 'b-1', 'b', '$saga-1', '$audit'] as const;
const TYPES = ['Common', 'Usual', 'Rare', 'Never'] as const;
const TAGS = ['x', 'y', 'z'] as const;
/** Also ids of events, so that some start a correlation that others belong to. */
const CORRELATIONS = ['event 0', 'event 1', 'c'] as const;
/** Between the parts of a log, so that they are recorded at different times. */
const PAUSE_MS = 10;

interface PlannedEvent {
  readonly stream: (typeof STREAMS)[number];
  readonly type: (typeof TYPES)[number];
  readonly tags: readonly string[];
  readonly correlationId: string | null;
  readonly causationId: string | null;
}

/** A filter whose times are given by events: the time at which the event of that number was recorded. */
type PlannedFilter = Omit<LogFilter, 'recordedFrom' | 'recordedBefore'> & {
  readonly fromEvent?: number;
  readonly beforeEvent?: number;
};

interface Case {
  /** The log, in parts with some time between them. */
  readonly log: readonly (readonly PlannedEvent[])[];
  readonly filters: readonly PlannedFilter[];
  /** The limits of the pages, used in turn. */
  readonly limits: readonly number[];
  /** Where each reader starts. */
  readonly from: number;
}

/**
 * For any log, filter and limits: the pages put together are the log, filtered; and no page leads past a wanted event. Forward
 * and backward.
 */
export async function checkLogPaging(context: ConformanceContext): Promise<void> {
  const fc = await loadFastCheck();
  const { runs, seed } = context.thoroughness;
  await fc.assert(
    fc.asyncProperty(cases(fc), ({ log, filters, limits, from }) =>
      context.withFreshStorage(async fresh => {
        const events = new Map<string, EncodedEvent>();
        for (const part of log) {
          const planned = part.map(each => ({ ...each, event: plannedEvent(each, events) }));
          await Promise.all(
            planned.map(({ stream, event }) => fresh.commit({ appends: [sampleAppend(stream, 'any', [event])] })),
          );
          await fresh.advance(PAUSE_MS);
        }
        const { log: reader } = fresh.storage;
        const whole = (await reader.readLog({ after: 0, limit: 10_000 })).events;
        assert.equal(whole.length, events.size);
        for (const planned of filters) {
          const filter = plannedFilter(planned, whole);
          const wanted = whole.filter(each => isWanted(each, events.get(each.id) as EncodedEvent, filter));
          await followPages(reader, { after: from, filter, limits, wanted, head: whole.length });
          await followPagesBack(reader, { before: from, filter, limits, wanted, head: whole.length });
        }
      }),
    ),
    { numRuns: runs, ...(seed === undefined ? {} : { seed }) },
  );
}

interface Reading {
  readonly filter: LogFilter;
  readonly limits: readonly number[];
  readonly wanted: readonly StoredEvent[];
  readonly head: number;
}

async function followPages(log: LogReader, reading: Reading & { after: number }): Promise<void> {
  const { filter, limits } = reading;
  const wanted = reading.wanted.filter(event => event.position > reading.after);
  const shown: StoredEvent[] = [];
  let after = reading.after;
  for (let page = 0; ; page++) {
    const limit = limits[page % limits.length] as number;
    const { events, through } = await log.readLog({ after, limit, filter });
    shown.push(...events);
    assert.ok(events.length <= limit, 'a page holds more than its limit');
    assert.ok(through >= after, 'a page leads backward');
    const passed = wanted.filter(event => event.position <= through);
    assert.deepEqual(shown, passed, `${JSON.stringify(filter)} skipped or repeated events up to ${through}`);
    after = through;
    if (events.length < limit) break;
  }
  assert.deepEqual(shown, wanted);
  assert.equal(after, Math.max(reading.after, reading.head));
}

async function followPagesBack(log: LogReader, reading: Reading & { before: number }): Promise<void> {
  const { filter, limits } = reading;
  const wanted = reading.wanted.filter(event => event.position < reading.before).toReversed();
  const shown: StoredEvent[] = [];
  let { before } = reading;
  for (let page = 0; ; page++) {
    const limit = limits[page % limits.length] as number;
    const { events, through } = await log.readLogBackward({ before, limit, filter });
    shown.push(...events);
    assert.ok(events.length <= limit, 'a page holds more than its limit');
    assert.ok(through <= before, 'a page leads forward');
    const passed = wanted.filter(event => event.position >= through);
    assert.deepEqual(shown, passed, `${JSON.stringify(filter)} skipped or repeated events down to ${through}`);
    before = through;
    if (events.length < limit) break;
  }
  assert.deepEqual(shown, wanted);
  assert.equal(before, Math.min(reading.before, 1));
}

function plannedEvent({ stream: _, ...planned }: PlannedEvent, events: Map<string, EncodedEvent>): EncodedEvent {
  const event = sampleEvent({ id: `event ${events.size}`, ...planned });
  events.set(event.id, event);
  return event;
}

function plannedFilter({ fromEvent, beforeEvent, ...filter }: PlannedFilter, whole: readonly StoredEvent[]): LogFilter {
  const recordedFrom = fromEvent === undefined ? undefined : whole[fromEvent]?.recordedAt;
  const recordedBefore = beforeEvent === undefined ? undefined : whole[beforeEvent]?.recordedAt;
  return {
    ...filter,
    ...(recordedFrom === undefined ? {} : { recordedFrom }),
    ...(recordedBefore === undefined ? {} : { recordedBefore }),
  };
}

/** What the contract says about filters, in its plainest form. */
function isWanted(stored: StoredEvent, { correlationId, causationId }: EncodedEvent, filter: LogFilter): boolean {
  const { types, tags, query, category, streamPrefix, recordedFrom = 0, recordedBefore = Infinity } = filter;
  const { stream, recordedAt } = stored;
  const fits = (part: EventQuery): boolean =>
    (part.types?.includes(stored.type) ?? true) && (part.tags ?? []).every(tag => stored.tags.includes(tag));
  const asked =
    types !== undefined ||
    category !== undefined ||
    streamPrefix?.startsWith('$') === true ||
    (query?.every(part => part.types !== undefined) ?? false);
  return (
    fits({ ...(types === undefined ? {} : { types }), ...(tags === undefined ? {} : { tags }) }) &&
    (query?.some(fits) ?? true) &&
    (category === undefined || categoryOf(stream) === category) &&
    stream.startsWith(streamPrefix ?? '') &&
    (filter.correlationId ?? correlationId ?? stored.id) === (correlationId ?? stored.id) &&
    (filter.causationId ?? causationId) === causationId &&
    recordedAt >= recordedFrom &&
    recordedAt < recordedBefore &&
    !(filter.withoutSystem === true && !asked && stream.startsWith('$'))
  );
}

function cases(fc: FastCheck): Arbitrary<Case> {
  const type = fc.oneof(
    { weight: 20, arbitrary: fc.constant('Common' as const) },
    { weight: 1, arbitrary: fc.constantFrom('Usual' as const, 'Rare' as const) },
  );
  const cause = fc.oneof(
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom(...CORRELATIONS) },
  );
  const event = fc.record({
    stream: fc.constantFrom(...STREAMS),
    type,
    tags: fc.subarray([...TAGS]),
    correlationId: cause,
    causationId: cause,
  });
  return fc.record({
    log: fc.array(fc.array(event, { minLength: 1, maxLength: 25 }), { maxLength: 3 }),
    filters: fc.array(filters(fc), { minLength: 1, maxLength: 8 }),
    limits: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
    from: fc.integer({ min: 0, max: 70 }),
  });
}

/** Few conditions at a time, because all of them together want nothing. */
function filters(fc: FastCheck): Arbitrary<PlannedFilter> {
  const types = fc.array(fc.constantFrom(...TYPES), { maxLength: 5 });
  const tags = fc.subarray([...TAGS]);
  const part = fc.record({ types, tags }, { requiredKeys: [] });
  const conditions = {
    types,
    tags,
    query: fc.array(part, { maxLength: 3 }),
    category: fc.constantFrom('a', 'b', '$saga', 'never'),
    streamPrefix: fc.constantFrom('', 'a', 'a-', 'a-1', 'ab', 'b', '$', '$saga-', 'never'),
    correlationId: fc.constantFrom(...CORRELATIONS),
    causationId: fc.constantFrom(...CORRELATIONS),
    withoutSystem: fc.boolean(),
    fromEvent: fc.nat({ max: 60 }),
    beforeEvent: fc.nat({ max: 60 }),
  };
  return fc
    .tuple(fc.record(conditions), fc.subarray(Object.keys(conditions), { maxLength: 3 }))
    .map(([all, given]) => Object.fromEntries(Object.entries(all).filter(([name]) => given.includes(name))));
}
