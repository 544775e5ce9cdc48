import { hash, randomUUIDv7 } from 'node:crypto';
import pg from 'pg';
import type { Contestant } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from '../workload/callers.ts';
import type { PlannedAppend } from '../workload/orders.ts';
import { POSTGRES_FLOOR_SCHEMA } from './postgres-floor-schema.ts';

interface Waiting {
  readonly append: PlannedAppend;
  readonly data: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const GROUP_MAX = 1_000;

/** The floor of appending to PostgreSQL: what came together goes as arrays in one prepared call, on one connection. */
export async function postgresFloorAppends(load: AppendLoad, url: string): Promise<Contestant> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(POSTGRES_FLOOR_SCHEMA);
  let waiting: Waiting[] = [];
  let running = false;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting.slice(0, GROUP_MAX);
      waiting = waiting.slice(GROUP_MAX);
      try {
        await appendGroup(client, group);
        for (const { resolve } of group) resolve();
      } catch (thrown) {
        for (const { reject } of group) reject(thrown);
      }
      // What the answers bring about joins the next group.
      await new Promise(resolve => setImmediate(resolve));
    }
    running = false;
  }

  const callers = new Callers(load, randomUUIDv7, (append, data) => {
    return new Promise<void>((resolve, reject) => {
      waiting.push({ append, data: data.map(each => JSON.stringify(each)), resolve, reject });
      if (running) return;
      running = true;
      setImmediate(() => void run());
    });
  });
  return { round: () => callers.round(), close: () => client.end() };
}

async function appendGroup(client: pg.Client, group: readonly Waiting[]): Promise<void> {
  const events = group.flatMap(({ append, data }, index) =>
    data.map(text => ({ append: index + 1, text, context: append.context, stream: append.stream })),
  );
  await client.query({
    name: 'append',
    text: 'SELECT floor.append($1, $2, $3, $4, $5, $6, $7, $8, $9)',
    values: [
      group.map(({ append }) => append.stream),
      group.map(({ append: { expected } }) => (expected === 'noStream' ? -1 : expected)),
      events.map(({ append }) => append),
      events.map(() => randomUUIDv7()),
      events.map(({ text }) => text),
      events.map(({ context }) => JSON.stringify(context)),
      events.map(({ context }) => context.correlationId),
      events.map(() => null),
      events.map(({ stream, text }) => hash('sha256', `${stream}\nOrderPlaced\n${text}`, 'buffer')),
    ],
  });
}
