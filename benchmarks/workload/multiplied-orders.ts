import { readFileSync, writeFileSync } from 'node:fs';

const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;

/**
 * Writes a file of orders with that many copies of another one: each copy has customers of its own and is a week later than the
 * one before, so that customers come back, weeks fill and sessions end as they do in the original.
 */
export function multiplyOrders(source: string, target: string, copies: number): number {
  const lines = readFileSync(source, 'utf8')
    .split(/\r?\n/)
    .filter(line => line.trim() !== '');
  const multiplied = Array.from({ length: copies }, (_, copy) => lines.map(line => copied(line, copy)));
  writeFileSync(target, `${multiplied.flat().join('\n')}\n`);
  return lines.length * copies;
}

/** A line of the sample: customer, number in the sample, day, pieces, dollars. */
function copied(line: string, copy: number): string {
  const [customer, number, day, pieces, dollars] = line.trim().split(/\s+/) as [string, string, string, string, string];
  const time = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6)));
  const shifted = new Date(time + copy * WEEK_DAYS * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '');
  return `${copy}${customer} ${number} ${shifted} ${pieces} ${dollars}`;
}
