import { randomUUIDv7 } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Contestant } from '../harness/benchmark.ts';
import { type AppendLoad, Callers } from '../workload/callers.ts';

const PACKAGE = '@event-driven-io/emmett-postgresql';

/** What is used of the package, which is no dependency of Millrace. */
interface EmmettStore {
  readonly schema: { migrate(): Promise<unknown> };
  appendToStream(
    stream: string,
    events: readonly { type: string; data: unknown; metadata: unknown }[],
    options: { expectedStreamVersion: bigint | 'STREAM_DOES_NOT_EXIST' },
  ): Promise<unknown>;
  close(): Promise<void>;
}

/** Why Emmett cannot be measured; undefined when it can. */
export function missingEmmett(): string | undefined {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return undefined;
  } catch {
    return 'Emmett is not installed; to have it: npm ci --prefix benchmarks/peers';
  }
}

/** Appending to Emmett's store in PostgreSQL with its defaults, at the revision that each caller has seen. */
export async function emmettAppends(load: AppendLoad, url: string): Promise<Contestant> {
  const path = pathToFileURL(createRequire(import.meta.url).resolve(PACKAGE)).href;
  const { getPostgreSQLEventStore } = (await import(path)) as {
    getPostgreSQLEventStore: (url: string) => EmmettStore;
  };
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  const callers = new Callers(load, randomUUIDv7, ({ stream, expected, context }, data) =>
    store.appendToStream(
      stream,
      data.map(each => ({ type: 'OrderPlaced', data: each, metadata: context })),
      // Its versions count events: the first one makes version 1.
      { expectedStreamVersion: expected === 'noStream' ? 'STREAM_DOES_NOT_EXIST' : BigInt(expected + 1) },
    ),
  );
  return { round: () => callers.round(), close: () => store.close() };
}
