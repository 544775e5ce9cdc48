import assert from 'node:assert/strict';
import type { LogFilter, LogReader, StoredEvent } from '../../storage/index.ts';
import type { ConformanceContext } from './conformance-context.ts';
import { type FastCheck, loadFastCheck } from './property-testing.ts';
import { sampleAppend, sampleEvents } from './sample-event.ts';

const STREAMS = ['a-1', 'b-1', '$saga-1', '$audit'] as const;
const TYPES = ['Common', 'Usual', 'Rare', 'Never'] as const;

interface Case {
  /** Which type and stream each event of the log has. */
  readonly log: readonly { stream: (typeof STREAMS)[number]; type: (typeof TYPES)[number] }[];
  readonly filters: readonly LogFilter[];
  /** The limits of the pages, used in turn. */
  readonly limits: readonly number[];
  /** Where each reader starts. */
  readonly after: number;
}

/** For any log, filter and limits: the pages put together are the log, filtered; and no page leads past a wanted event. */
export async function checkLogPaging(context: ConformanceContext): Promise<void> {
  const fc = await loadFastCheck();
  const { runs, seed } = context.thoroughness;
  await fc.assert(
    fc.asyncProperty(cases(fc), ({ log, filters, limits, after }) =>
      context.withFreshStorage(async ({ storage }) => {
        await Promise.all(
          log.map(({ stream, type }) =>
            storage.commit({ appends: [sampleAppend(stream, 'any', sampleEvents(1, { type }))] }),
          ),
        );
        const whole = (await storage.log.readLog({ after: 0, limit: 10_000 })).events;
        assert.equal(whole.length, log.length);
        for (const filter of filters) {
          const wanted = whole.filter(event => event.position > after && isWanted(event, filter));
          await followPages(storage.log, { after, filter, limits, wanted, head: log.length });
        }
      }),
    ),
    { numRuns: runs, ...(seed === undefined ? {} : { seed }) },
  );
}

async function followPages(
  log: LogReader,
  reading: {
    after: number;
    filter: LogFilter;
    limits: readonly number[];
    wanted: readonly StoredEvent[];
    head: number;
  },
): Promise<void> {
  const { filter, limits, wanted } = reading;
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

/** What the contract says about filters, in its plainest form. */
function isWanted(event: StoredEvent, { types, withoutSystem }: LogFilter): boolean {
  if (types !== undefined) return types.includes(event.type);
  return !(withoutSystem === true && event.stream.startsWith('$'));
}

function cases(fc: FastCheck): import('fast-check').Arbitrary<Case> {
  const type = fc.oneof(
    { weight: 20, arbitrary: fc.constant('Common' as const) },
    { weight: 1, arbitrary: fc.constantFrom('Usual' as const, 'Rare' as const) },
  );
  const filter = fc.record(
    { types: fc.array(fc.constantFrom(...TYPES), { maxLength: 5 }), withoutSystem: fc.boolean() },
    { requiredKeys: [] },
  );
  return fc.record({
    log: fc.array(fc.record({ stream: fc.constantFrom(...STREAMS), type }), { maxLength: 60 }),
    filters: fc.array(filter, { minLength: 1, maxLength: 6 }),
    limits: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
    after: fc.integer({ min: 0, max: 70 }),
  });
}
