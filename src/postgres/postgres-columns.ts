/**
 * Rows on their way to the server, one array for each column: what a set-based function takes. Written as PostgreSQL writes
 * arrays, which the server reads faster than any other form of many rows.
 */
export class PostgresColumns<Row extends readonly unknown[]> {
  readonly #columns: string[][];

  constructor(count: Row['length']) {
    this.#columns = Array.from({ length: count }, () => []);
  }

  /** Adds a row: numbers, texts, bytes, booleans or null, in the order of the parameters. */
  add(...row: Row): void {
    for (let index = 0; index < row.length; index++) (this.#columns[index] as string[]).push(element(row[index]));
  }

  /** One array for each column. */
  literals(): string[] {
    return this.#columns.map(column => `{${column.join(',')}}`);
  }
}

/** An array of texts. */
export function textArray(values: readonly string[]): string {
  return `{${values.map(element).join(',')}}`;
}

function element(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return `"${value.replace(/[\\"]/g, '\\$&')}"`;
  if (value instanceof Uint8Array)
    return `"\\\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')}"`;
  return String(value);
}

/** An event as the commit function takes it. */
export type EventColumns = [
  append: number,
  fresh: boolean,
  id: string,
  kind: number,
  schemaVersion: number,
  data: string,
  metadata: string | null,
  correlation: string | null,
  causation: string | null,
  tags: string | null,
  occurredAt: number | null,
  recordedAt: number | null,
  /** As the text of bytes. */
  digest: string,
];
