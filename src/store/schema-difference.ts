import { canonicalJson } from '../core/index.ts';
import type { JsonSchema } from './schema-file.ts';

/** One difference between the schema that events were stored under and another one of the same version. */
export interface SchemaDifference {
  /** The place in the data, as a JSON pointer; `*` stands for any element or member. */
  readonly pointer: string;
  readonly message: string;
  /** Whether what is stored might not fit the other schema any more, or might no longer be seen. */
  readonly breaking: boolean;
}

type Keywords = Readonly<Record<string, unknown>>;

/** Keywords that say nothing about which values fit. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$comment',
  '$id',
  '$schema',
  'default',
  'deprecated',
  'description',
  'examples',
  'readOnly',
  'title',
  'writeOnly',
]);

/** Bounds by what narrows them. */
const LOWER_BOUNDS: ReadonlySet<string> = new Set([
  'minimum',
  'exclusiveMinimum',
  'minLength',
  'minItems',
  'minProperties',
]);
const UPPER_BOUNDS: ReadonlySet<string> = new Set([
  'maximum',
  'exclusiveMaximum',
  'maxLength',
  'maxItems',
  'maxProperties',
]);
/** Conditions that narrow when they are added or changed, and widen when they are taken away. */
const CONDITIONS: ReadonlySet<string> = new Set([
  'pattern',
  'format',
  'multipleOf',
  'uniqueItems',
  'propertyNames',
  'contentEncoding',
]);

/**
 * What changed from the schema that events are stored under to another. A difference is breaking unless every value that fits the
 * first one fits the second, and everything in it is still seen; what cannot be compared counts as breaking.
 */
export function schemaDifferences(stored: JsonSchema, current: JsonSchema): SchemaDifference[] {
  return differencesAt(stored, current, '');
}

function differencesAt(storedSchema: unknown, currentSchema: unknown, pointer: string): SchemaDifference[] {
  const [stored, current] = [keywordsOf(storedSchema), keywordsOf(currentSchema)];
  if (canonicalJson(stored) === canonicalJson(current)) return [];
  const say = (message: string, breaking: boolean): SchemaDifference => ({ pointer, message, breaking });
  if (isOpen(current)) return [say('anything fits now', false)];
  if (isOpen(stored)) return [say('not everything fits any more', true)];
  if (casesOf(stored) !== undefined || casesOf(current) !== undefined) return ofCases(stored, current, pointer);
  return [
    ...ofKinds(stored, current, say),
    ...ofConditions(stored, current, say),
    ...ofMembers(stored, current, pointer),
    ...ofElements(stored, current, pointer),
    ...ofTheRest(stored, current, say),
  ];
}

type Say = (message: string, breaking: boolean) => SchemaDifference;

/** Which types and single values fit. */
function ofKinds(stored: Keywords, current: Keywords, say: Say): SchemaDifference[] {
  const found: SchemaDifference[] = [];
  const [before, now] = [kindsOf(stored), kindsOf(current)];
  const lost = before.filter(kind => !now.includes(kind) && !(kind === 'integer' && now.includes('number')));
  const gained = now.filter(kind => !before.includes(kind));
  if (now.length > 0 && (before.length === 0 || lost.length > 0)) {
    found.push(say(`${before.join(' or ') || 'any type'} became ${now.join(' or ')}`, true));
  } else if (gained.length > 0 || now.length < before.length) {
    found.push(say(`${before.join(' or ')} became ${now.join(' or ') || 'any type'}`, false));
  }
  const [listed, allowed] = [valuesOf(stored), valuesOf(current)];
  if (allowed !== undefined) {
    const gone = listed?.filter(value => !allowed.includes(value));
    if (gone === undefined) found.push(say(`only ${allowed.join(', ')} fits now`, true));
    else if (gone.length > 0) found.push(say(`${gone.join(', ')} does not fit any more`, true));
    const added = listed === undefined ? [] : allowed.filter(value => !listed.includes(value));
    if (added.length > 0) found.push(say(`${added.join(', ')} fits as well`, false));
  } else if (listed !== undefined) found.push(say(`not only ${listed.join(', ')} fits now`, false));
  return found;
}

/** Bounds and other conditions on a single value. */
function ofConditions(stored: Keywords, current: Keywords, say: Say): SchemaDifference[] {
  return [...new Set([...Object.keys(stored), ...Object.keys(current)])].flatMap(keyword => {
    const [before, now] = [stored[keyword], current[keyword]];
    if (canonicalJson(before) === canonicalJson(now)) return [];
    const shown = `${keyword}: ${text(before)} became ${text(now)}`;
    if (keyword === 'x-millrace') return [say(`it is stored in another way (${shown})`, true)];
    if (CONDITIONS.has(keyword)) return [say(shown, now !== undefined && now !== false)];
    const lower = LOWER_BOUNDS.has(keyword);
    if (!lower && !UPPER_BOUNDS.has(keyword)) return [];
    if (now === undefined || before === undefined) return [say(shown, now !== undefined)];
    return [say(shown, lower ? (now as number) > (before as number) : (now as number) < (before as number))];
  });
}

/** Members of objects. */
function ofMembers(stored: Keywords, current: Keywords, pointer: string): SchemaDifference[] {
  const [before, now] = [objectOf(stored['properties']), objectOf(current['properties'])];
  const [neededBefore, needed] = [listOf(stored['required']), listOf(current['required'])];
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const found = names.flatMap((name): SchemaDifference[] => {
    const place = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const say = (message: string, breaking: boolean): SchemaDifference => ({ pointer: place, message, breaking });
    const isNeeded = needed.includes(name);
    if (!Object.hasOwn(now, name)) return [say('was taken away: what is stored in it would no longer be seen', true)];
    if (!Object.hasOwn(before, name)) {
      return [
        isNeeded ? say('was added and is required: stored events do not have it', true) : say('was added', false),
      ];
    }
    const wasNeeded = neededBefore.includes(name);
    const turned =
      isNeeded === wasNeeded
        ? []
        : [isNeeded ? say('is required now: stored events may not have it', true) : say('is optional now', false)];
    return [...turned, ...differencesAt(before[name], now[name], place)];
  });
  return [...found, ...ofOthers(stored['additionalProperties'], current['additionalProperties'], `${pointer}/*`)];
}

/** Elements of lists. */
function ofElements(stored: Keywords, current: Keywords, pointer: string): SchemaDifference[] {
  const [before, now] = [listOf(stored['prefixItems']), listOf(current['prefixItems'])];
  if (before.length !== now.length) {
    return [{ pointer, message: `a list of ${before.length} places became one of ${now.length}`, breaking: true }];
  }
  const found = before.flatMap((schema, index) => differencesAt(schema, now[index], `${pointer}/${index}`));
  return [...found, ...ofOthers(stored['items'], current['items'], `${pointer}/*`)];
}

/** Members and elements that have no schema of their own; none is said to be allowed where `false` stands. */
function ofOthers(stored: unknown, current: unknown, pointer: string): SchemaDifference[] {
  if (canonicalJson(stored) === canonicalJson(current)) return [];
  if (stored === false) return [{ pointer, message: 'others are allowed now', breaking: false }];
  if (current === false) return [{ pointer, message: 'others are not allowed any more', breaking: true }];
  return differencesAt(stored ?? {}, current ?? {}, pointer);
}

/** Each case of the stored schema must be one of the current schema as well. */
function ofCases(stored: Keywords, current: Keywords, pointer: string): SchemaDifference[] {
  const [before, now] = [casesOf(stored) ?? [stored], casesOf(current) ?? [current]];
  const taken = new Set<unknown>();
  const found = before.flatMap(schema => {
    const compared = now.map(candidate => ({ candidate, changes: differencesAt(schema, candidate, pointer) }));
    const best = compared.sort((one, other) => weight(one.changes) - weight(other.changes))[0];
    taken.add(best?.candidate);
    return best?.changes ?? [];
  });
  const added = now
    .filter(schema => !taken.has(schema))
    .map(() => ({ pointer, message: 'a case was added', breaking: false }));
  const rest = (keywords: Keywords): Keywords => {
    const { anyOf: _, oneOf: __, ...others } = keywords;
    return casesOf(keywords) === undefined ? {} : others;
  };
  const beside = canonicalJson(rest(stored)) !== canonicalJson(rest(current));
  return beside ? [...found, ...added, notComparable(pointer, 'what stands beside its cases')] : [...found, ...added];
}

function weight(changes: readonly SchemaDifference[]): number {
  return changes.reduce((sum, { breaking }) => sum + (breaking ? 1_000 : 1), 0);
}

const COMPARED: ReadonlySet<string> = new Set([
  ...LOWER_BOUNDS,
  ...UPPER_BOUNDS,
  ...CONDITIONS,
  ...['type', 'enum', 'const', 'x-millrace', 'properties', 'required', 'additionalProperties', 'items', 'prefixItems'],
]);

/** Keywords that nothing above knows, references among them. */
function ofTheRest(stored: Keywords, current: Keywords, say: Say): SchemaDifference[] {
  const names = [...new Set([...Object.keys(stored), ...Object.keys(current)])].filter(name => !COMPARED.has(name));
  const changed = names.filter(name => canonicalJson(stored[name]) !== canonicalJson(current[name]));
  return changed.map(name => ({ ...say('', true), ...notComparable(say('', true).pointer, name) }));
}

function notComparable(pointer: string, what: string): SchemaDifference {
  return { pointer, message: `${what} changed, in a way that cannot be compared`, breaking: true };
}

/** The keywords of a schema that decide what fits; `false` is a schema that nothing fits. */
function keywordsOf(schema: unknown): Keywords {
  if (schema === false) return { not: {} };
  return Object.fromEntries(Object.entries(objectOf(schema)).filter(([name]) => !ANNOTATIONS.has(name)));
}

function isOpen(schema: Keywords): boolean {
  return Object.keys(schema).length === 0;
}

function casesOf(schema: Keywords): readonly unknown[] | undefined {
  const cases = schema['anyOf'] ?? schema['oneOf'];
  return Array.isArray(cases) ? cases : undefined;
}

function kindsOf({ type }: Keywords): readonly string[] {
  return typeof type === 'string' ? [type] : (listOf(type) as readonly string[]);
}

/** The single values that fit, as JSON text; undefined when they are not listed. */
function valuesOf(schema: Keywords): readonly string[] | undefined {
  if ('const' in schema) return [canonicalJson(schema['const'])];
  return Array.isArray(schema['enum']) ? schema['enum'].map(canonicalJson) : undefined;
}

function objectOf(value: unknown): Keywords {
  return typeof value === 'object' && value !== null ? (value as Keywords) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return value === undefined ? 'none' : canonicalJson(value);
}
