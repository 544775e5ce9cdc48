/** A value that JSON can hold without loss. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** How many names of members are remembered as text: the fields of events are few and come again and again. */
const NAMES_MAX = 10_000;
/** Members of an object up to which they are put in order by insertion. */
const SORTED_BY_HAND_MAX = 32;
const names = new Map<string, string>();

/**
 * JSON text with the keys of every object in order (RFC 8785's key order), so that equal values have equal text.
 * Members that are `undefined` are left out, as `JSON.stringify` does.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return arrayText(value);
  const json = (value as { toJSON?: () => unknown }).toJSON;
  if (typeof json === 'function') return canonicalJson(json.call(value));
  let text = '{';
  for (const key of inOrder(Object.keys(value))) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined || typeof member === 'function') continue;
    if (text.length > 1) text += ',';
    text += (names.get(key) ?? nameText(key)) + canonicalJson(member);
  }
  return `${text}}`;
}

/** The built-in sort makes a copy to work in, which for the few members of an object costs more than sorting them. */
function inOrder(keys: string[]): string[] {
  if (keys.length > SORTED_BY_HAND_MAX) return keys.sort();
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] as string;
    let place = index;
    for (; place > 0 && (keys[place - 1] as string) > key; place--) keys[place] = keys[place - 1] as string;
    keys[place] = key;
  }
  return keys;
}

function arrayText(values: readonly unknown[]): string {
  let text = '[';
  for (let index = 0; index < values.length; index++) {
    if (index > 0) text += ',';
    text += canonicalJson(values[index]);
  }
  return `${text}]`;
}

function nameText(key: string): string {
  const text = `${JSON.stringify(key)}:`;
  if (names.size < NAMES_MAX) names.set(key, text);
  return text;
}
