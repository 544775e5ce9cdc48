import { join } from 'node:path';
import type { Benchmark, Contestant, Surroundings } from './harness/benchmark.ts';
import type { AppendVariant } from './millrace/append-variants.ts';
import type { AppendLoad } from './workload/callers.ts';

const LOAD: AppendLoad = { callers: 64, events: 1, appends: 60 };
const POSTGRES_LOAD: AppendLoad = { callers: 64, events: 1, appends: 40 };

const columns = [
  { figure: 'rate', title: 'events/s' },
  { figure: 'p50', title: 'p50 ms', digits: 2 },
];

/** Appends as they are, and without each of the things that they do beside storing events; and what tags and ids of one's own cost. */
export const appendCosts: Benchmark = {
  name: 'append-costs',
  title: 'Append 1 event, 64 callers: what each thing costs',
  rounds: 15,
  columns,
  contestants: {
    'as it is': at => onFile(at),
    'no hash chain': at => onFile(at, {}, '?chain=off'),
    'no metrics': at => onFile(at, { unmeasured: true }),
    'no secure_delete': async at => {
      (await import('./millrace/append-variants.ts')).withoutSecureDelete();
      return onFile(at);
    },
    'no indexes': async at => {
      const { appendVariant, withoutIndexes } = await import('./millrace/append-variants.ts');
      return appendVariant(LOAD, await withoutIndexes(at));
    },
    'with 2 tags': at => onFile(at, { tags: 2 }),
    'ids of callers': at => onFile(at, { ids: 'timeOrdered' }),
    'random ids': at => onFile(at, { ids: 'random' }),
  },
  bars: [],
};

/** The same on PostgreSQL, as far as it can be turned off there. */
export const postgresAppendCosts: Benchmark = {
  name: 'postgres-append-costs',
  title: 'PostgreSQL: append 1 event, 64 callers: what each thing costs',
  rounds: 11,
  columns,
  prepare: async folder => void (await (await import('./workload/postgres-store.ts')).startStore(folder)),
  contestants: {
    'as it is': at => onServer(at, 'whole'),
    'no hash chain': at => onServer(at, 'unchained', {}, '&chain=off'),
    'with 2 tags': at => onServer(at, 'tagged', { tags: 2 }),
    'ids of callers': at => onServer(at, 'own_ids', { ids: 'timeOrdered' }),
    'random ids': at => onServer(at, 'random_ids', { ids: 'random' }),
  },
  bars: [],
};

/** Appends under a condition on a tag, beside those with the same tags and none. */
export const appendCondition: Benchmark = {
  name: 'append-condition',
  title: 'Append 1 event under a condition on a tag, 64 callers',
  rounds: 15,
  columns,
  contestants: {
    unconditional: at => onFile(at, { tags: 2 }),
    conditional: at => onFile(at, { tags: 2, conditional: true }),
  },
  bars: [{ figure: 'rate', contestant: 'conditional', to: 'unconditional', atLeast: 0.5 }],
};

/** The same on PostgreSQL. */
export const postgresAppendCondition: Benchmark = {
  name: 'postgres-append-condition',
  title: 'PostgreSQL: append 1 event under a condition on a tag, 64 callers',
  rounds: 11,
  columns,
  prepare: async folder => void (await (await import('./workload/postgres-store.ts')).startStore(folder)),
  contestants: {
    unconditional: at => onServer(at, 'unconditional', { tags: 2 }),
    conditional: at => onServer(at, 'conditional', { tags: 2, conditional: true }),
  },
  bars: [{ figure: 'rate', contestant: 'conditional', to: 'unconditional', atLeast: 0.5 }],
};

async function onFile({ folder }: Surroundings, variant: AppendVariant = {}, parameters = ''): Promise<Contestant> {
  const { appendVariant } = await import('./millrace/append-variants.ts');
  return appendVariant(LOAD, `sqlite:${join(folder, 'store.db')}${parameters}`, variant);
}

async function onServer(
  { prepared }: Surroundings,
  schema: string,
  variant: AppendVariant = {},
  parameters = '',
): Promise<Contestant> {
  const { appendVariant } = await import('./millrace/append-variants.ts');
  const url = (await import('./workload/postgres-store.ts')).storeUrl(prepared, schema);
  return appendVariant(POSTGRES_LOAD, `${url}${parameters}`, variant);
}
