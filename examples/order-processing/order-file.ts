import { readFileSync } from 'node:fs';
import { MillraceError } from 'millrace';
import type { PlacedOrder } from './events.ts';

/** The product that CDNOW sold. */
const PRODUCT = 'compact-disc';
const SAMPLE_COLUMNS = 5;
const FULL_COLUMNS = 4;

/**
 * Reads a file of purchases as orders, oldest first; orders of one day stay in the order of the file, and their place in the
 * whole is their id. It knows both layouts of the CDNOW data: the sample (customer, sample number, day, pieces, dollars) and
 * the full set, which has no sample number and a header line. Throws `INVALID_INPUT_FILE` naming the line.
 */
export function readOrderFile(file: string): PlacedOrder[] {
  const lines = readText(file).split(/\r?\n/);
  const purchases = lines.flatMap((line, index) => {
    const isEmpty = line.trim() === '';
    const isHeader = index === 0 && /[a-z]/i.test(line);
    return isEmpty || isHeader ? [] : [parsePurchase(file, line, index + 1)];
  });
  if (purchases.length === 0) throw invalid(file, 'has no purchases', {});
  purchases.sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
  return purchases.map((purchase, index) => ({ orderId: String(index + 1), ...purchase }));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw invalid(file, `cannot be read (${(cause as Error).message})`, {}, cause);
  }
}

function parsePurchase(file: string, line: string, number: number): Omit<PlacedOrder, 'orderId'> {
  const columns = line.trim().split(/\s+/);
  if (columns.length !== SAMPLE_COLUMNS && columns.length !== FULL_COLUMNS) {
    throw unreadable(file, line, number, `it has ${columns.length} columns, not ${FULL_COLUMNS} or ${SAMPLE_COLUMNS}`);
  }
  const [day = '', pieces = '', dollars = ''] = columns.slice(-3);
  const quantity = /^\d{1,6}$/.test(pieces) ? Number(pieces) : undefined;
  const cents = /^\d{1,9}(\.\d{1,2})?$/.test(dollars) ? Math.round(Number(dollars) * 100) : undefined;
  const date = isoDay(day);
  if (date === undefined) throw unreadable(file, line, number, `${day} is not a day such as 19970131`);
  if (quantity === undefined) throw unreadable(file, line, number, `${pieces} is not a number of pieces`);
  if (cents === undefined) throw unreadable(file, line, number, `${dollars} is not an amount such as 29.33`);
  return { customerId: columns[0] as string, date, items: [{ product: PRODUCT, quantity }], cents };
}

function isoDay(day: string): string | undefined {
  const [, year, month, date] = /^(\d{4})(\d{2})(\d{2})$/.exec(day) ?? [];
  const iso = `${year}-${month}-${date}`;
  const time = Date.parse(`${iso}T00:00:00Z`);
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== iso ? undefined : iso;
}

function unreadable(file: string, line: string, number: number, why: string): MillraceError {
  const shown = line.length > 80 ? `${line.slice(0, 80)}…` : line;
  return invalid(file, `cannot be read at line ${number}: ${why}. The line is: ${shown.trim()}`, { line: number });
}

function invalid(file: string, what: string, details: object, cause?: unknown): MillraceError {
  return new MillraceError('INVALID_INPUT_FILE', `${file} ${what}`, { cause, details: { file, ...details } });
}
