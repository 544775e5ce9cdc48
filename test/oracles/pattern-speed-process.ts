import assert from 'node:assert/strict';
import { type FieldPattern, PatternMatcher, type RoutePattern } from '../../src/router/index.ts';
import { hasJava, startEventRuler } from './event-ruler.ts';

/*
 * How fast events find their rules, beside EventBridge's own matcher in the same run: node --expose-gc pattern-speed-process.ts
 *
 * A rule asks for a type, a source, and one of a value, a beginning or a range; half of the events are made to match one. Both
 * sides parse the events' JSON, and both must find as many.
 */

interface Event {
  type: string;
  metadata: { source: string };
  data: Record<string, unknown>;
}

const NAMES = 50;
const EVENTS = 2_000;
const ROUNDS = 30;
const CENTS = 1_000_000;

let state = 42;
function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

function ruleOf(number: number, size: number, exactOnly: boolean): { pattern: RoutePattern; example: Event } {
  const [type, source, from] = [`t${below(NAMES)}`, `s${below(NAMES)}`, below(CENTS)];
  const customer = `c-${exactOnly ? number : below(size)}`;
  const sku = `S${below(size)}-`;
  const kinds: readonly { wanted: FieldPattern; held: Record<string, unknown> }[] = [
    { wanted: { customer: [customer] }, held: { customer } },
    { wanted: { sku: [{ prefix: sku }] }, held: { sku: `${sku}x` } },
    { wanted: { cents: [{ numeric: ['>=', from, '<', from + 1_000] }] }, held: { cents: from } },
  ];
  const { wanted, held } = kinds[exactOnly ? 0 : number % 3] as (typeof kinds)[number];
  const pattern = { type: [type], metadata: { source: [source] }, data: wanted };
  return { pattern, example: { type, metadata: { source }, data: held } };
}

function eventOf(number: number, size: number, examples: readonly Event[]): Event {
  const items = [
    { product: 'lamp', count: 1 },
    { product: 'chair', count: 2 },
  ];
  const address = { street: 'Main Street 1', city: 'Berlin', country: 'DE' };
  const values = { customer: `c-${below(size)}`, sku: `S${below(size)}-${below(100)}`, cents: below(CENTS) };
  const data = { id: `o-${number}`, ...values, note: 'x'.repeat(200), address, items };
  const example = examples[below(examples.length)] as Event;
  if (number % 2 === 0) return { ...example, data: { ...data, ...example.data } };
  return { type: `t${below(NAMES)}`, metadata: { source: `s${below(NAMES)}` }, data };
}

function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const ruler = hasJava() ? await startEventRuler() : undefined;
if (ruler === undefined) process.stdout.write('Without Java and Maven there is nothing to compare with.\n');
for (const { size, exactOnly } of [
  { size: 1_000, exactOnly: false },
  { size: 10_000, exactOnly: false },
  { size: 400_000, exactOnly: true },
]) {
  const rules = Array.from({ length: size }, (_, number) => ruleOf(number, size, exactOnly));
  const examples = rules.map(({ example }) => example);
  const events = Array.from({ length: EVENTS }, (_, number) => eventOf(number, size, examples));
  const texts = events.map(event => JSON.stringify(event));
  const before = memory();
  const matcher = new PatternMatcher();
  const adding = performance.now();
  for (const [number, { pattern }] of rules.entries()) matcher.add(`r${number}`, pattern);
  const added = ((performance.now() - adding) * 1_000) / size;
  const bytes = (memory() - before) / size;
  const round = (): number => texts.reduce((sum, text) => sum + matcher.match(JSON.parse(text)).length, 0);
  for (let warm = 0; warm < ROUNDS; warm++) round();
  let count = 0;
  const started = performance.now();
  for (let each = 0; each < ROUNDS; each++) count += round();
  const rate = (ROUNDS * EVENTS * 1_000) / (performance.now() - started);
  const removing = performance.now();
  for (let number = 0; number < size; number++) matcher.remove(`r${number}`);
  const removed = ((performance.now() - removing) * 1_000) / size;
  const own = `${Math.round(rate)} events/s; add ${added.toFixed(1)} µs, remove ${removed.toFixed(1)} µs, ${Math.round(bytes)} bytes a rule`;
  process.stdout.write(`${size} rules: ${own}\n`);
  if (ruler === undefined) continue;
  const patterns = Object.fromEntries(rules.map(({ pattern }, number) => [`r${number}`, pattern]));
  const theirs = await ruler.ask<{ count: number; rate: number }>({ rules: patterns, events, rounds: ROUNDS });
  assert.equal(count, theirs.count);
  process.stdout.write(
    `${size} rules: ${Math.round(theirs.rate)} events/s by EventBridge's matcher; ${count} matches each\n`,
  );
}
await ruler?.close();
