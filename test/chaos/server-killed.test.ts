import { join } from 'node:path';
import { seededRandom } from 'millrace';
import { expect, test } from 'vitest';
import { type MillraceRun, millrace } from '../child-process.ts';
import { freePort } from '../free-port.ts';
import { runCount, seed } from '../runs.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const CALLERS = 64;
const chosen = seed();

interface SentEvent {
  readonly type: string;
  readonly data: object;
  readonly metadata: object;
}

/** What one caller knows of its stream. */
interface Caller {
  readonly stream: string;
  /** Appends that were acknowledged, in order. */
  readonly acknowledged: SentEvent[][];
  /** The append whose answer never came, if any. */
  pending: SentEvent[] | undefined;
}

test(`a server killed under ${CALLERS} appenders keeps every acknowledged event, byte for byte (seed ${chosen})`, async () => {
  const kills = runCount(4, 20);
  const folder = temporaryFolder();
  const chance = seededRandom(chosen);
  const port = await freePort();
  const start = [
    'start',
    '--store',
    `sqlite:${join(folder, 'millrace.db')}`,
    '--port',
    String(port),
    '--log-level',
    'error',
  ];
  const address = `http://127.0.0.1:${port}`;
  const lost: Caller[] = [];
  let callers: Caller[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const server = millrace(start);
    await server.said(/serves/);
    callers = Array.from({ length: CALLERS }, (_, n) => ({
      stream: `caller-${kill}-${n}`,
      acknowledged: [],
      pending: undefined,
    }));
    const calling = Promise.all(
      callers.map((caller, n) => appendUntilDown(address, caller, seededRandom(chosen + kill * 100 + n))),
    );
    await acknowledgedAtLeast(callers, 200 + chance.fraction() * 800);
    await server.kill();
    await calling;
    lost.push(...callers);
  }
  const server = millrace(start);
  await server.said(/serves/);
  const stored = await everyEvent(address);
  await stop(server);

  expect(stored.map(({ position }) => position)).toEqual(stored.map((_, index) => index + 1));
  const byStream = Map.groupBy(stored, ({ stream }) => stream);
  for (const { stream, acknowledged, pending } of lost) {
    const found = (byStream.get(stream) ?? []).map(({ type, data, metadata }) =>
      JSON.stringify({ type, data, metadata: own(metadata) }),
    );
    const certain = acknowledged.flat().map(event => JSON.stringify(event));
    expect(found.slice(0, certain.length), stream).toEqual(certain);
    const rest = found.slice(certain.length);
    const whole = (pending ?? []).map(event => JSON.stringify(event));
    expect([[], whole], `${stream}: what was not acknowledged is whole or absent`).toContainEqual(rest);
  }
});

/** Appends one to three events at a time, each append conditional on the one before it, until the server is gone. */
async function appendUntilDown(
  address: string,
  caller: Caller,
  chance: ReturnType<typeof seededRandom>,
): Promise<void> {
  for (let revision = -1, n = 0; ; n++) {
    const events = Array.from({ length: 1 + (chance.uint32() % 3) }, (_, index) => ({
      type: 'Noted',
      data: { n, index, text: `“${chance.uint32().toString(36)}” \u{1F4E6} \\ "` },
      metadata: { caller: caller.stream },
    }));
    caller.pending = events;
    const condition = revision === -1 ? { 'if-none-match': '*' } : { 'if-match': `"${revision}"` };
    try {
      const response = await fetch(`${address}/v1/streams/${caller.stream}/events`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...condition },
        body: JSON.stringify(events),
      });
      if (response.status !== 201) throw new Error(`unexpected status ${response.status}: ${await response.text()}`);
      ({ revision } = (await response.json()) as { revision: number });
    } catch (thrown) {
      if ((thrown as Error).message.startsWith('unexpected')) throw thrown;
      return;
    }
    caller.acknowledged.push(events);
    caller.pending = undefined;
  }
}

function acknowledgedAtLeast(callers: readonly Caller[], appends: number): Promise<void> {
  return new Promise(resolve => {
    const timer = setInterval(() => {
      if (callers.reduce((total, { acknowledged }) => total + acknowledged.length, 0) < appends) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
}

interface StoredEvent extends SentEvent {
  readonly position: number;
  readonly stream: string;
}

async function everyEvent(address: string): Promise<StoredEvent[]> {
  const all: StoredEvent[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const response = await fetch(`${address}/v1/events?after=${after}&limit=1000`);
    const { items, page } = (await response.json()) as { items: StoredEvent[]; page: { next: number | null } };
    all.push(...items);
    after = page.next;
  }
  return all;
}

/** The metadata that was sent: an event without a cause gets its own id as correlation. */
function own(metadata: object): object {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== 'correlationId'));
}

async function stop(server: MillraceRun): Promise<void> {
  server.process.kill('SIGTERM');
  expect((await server.ended).code).toBe(0);
}
