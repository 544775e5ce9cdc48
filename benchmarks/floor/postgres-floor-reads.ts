import pg from 'pg';
import type { Contestant } from '../harness/benchmark.ts';
import { latencyFigures } from '../harness/statistics.ts';
import type { OrderData } from '../workload/orders.ts';

const PAGE = 1_000;
const COLUMNS =
  'e.position, s.name, e.revision, e.id, e.type, e.schema_version, e.data, e.metadata, e.occurred_at, e.recorded_at, e.tags, e.digest';
type Row = [
  string,
  string,
  string,
  string,
  number,
  number,
  string,
  string | null,
  string | null,
  string,
  string[] | null,
  Buffer,
];

/** The floor of reading streams: each by one prepared statement, rows as arrays, data and metadata parsed. */
export async function postgresFloorStreamReads(url: string, schema: string, streams: number): Promise<Contestant> {
  const { client, eventOf } = await open(url, schema);
  const text = `SELECT ${COLUMNS} FROM ${schema}.streams s JOIN ${schema}.events e ON e.stream = s.id
    WHERE s.name = $1 AND e.revision >= $2 ORDER BY e.revision LIMIT $3`;
  return {
    async round() {
      const latencies = new Float64Array(streams);
      let events = 0;
      const started = performance.now();
      for (let stream = 0; stream < streams; stream++) {
        const asked = performance.now();
        const values = [`order-${stream}`, 0, PAGE];
        const { rows } = await client.query<Row>({ name: 'stream', text, values, rowMode: 'array' });
        events += rows.map(eventOf).length;
        latencies[stream] = performance.now() - asked;
      }
      return latencyFigures(latencies, performance.now() - started, events);
    },
    close: () => client.end(),
  };
}

/** The floor of catching up: the whole log in pages of a prepared statement, each event handed to a function. */
export async function postgresFloorCatchUp(url: string, schema: string): Promise<Contestant> {
  const { client, eventOf } = await open(url, schema);
  const text = `SELECT ${COLUMNS} FROM ${schema}.events e JOIN ${schema}.streams s ON s.id = e.stream
    WHERE e.position > $1 ORDER BY e.position LIMIT $2`;
  return {
    async round() {
      let cents = 0;
      let events = 0;
      const handle = (data: OrderData): void => {
        cents += data.cents;
        events++;
      };
      const started = performance.now();
      for (let after = 0; ; ) {
        const { rows } = await client.query<Row>({ name: 'page', text, values: [after, PAGE], rowMode: 'array' });
        const page = rows.map(eventOf);
        for (const event of page) handle(event.data as OrderData);
        after = page.at(-1)?.position ?? after;
        if (page.length < PAGE) break;
      }
      return { rate: (events / (performance.now() - started)) * 1000, cents };
    },
    close: () => client.end(),
  };
}

async function open(url: string, schema: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SET enable_seqscan = off');
  const { rows } = await client.query<{ id: number; name: string }>(`SELECT id, type AS name FROM ${schema}.kinds`);
  const types = new Map(rows.map(({ id, name }) => [id, name]));
  const eventOf = (row: Row) => ({
    position: Number(row[0]),
    stream: row[1],
    revision: Number(row[2]),
    id: row[3],
    type: types.get(row[4]) as string,
    schemaVersion: row[5],
    data: JSON.parse(row[6]) as unknown,
    metadata: row[7] === null ? {} : (JSON.parse(row[7]) as unknown),
    occurredAt: Number(row[8] ?? row[9]),
    recordedAt: Number(row[9]),
    tags: row[10] ?? [],
    contentHash: row[11].toString('hex'),
  });
  return { client, eventOf };
}
