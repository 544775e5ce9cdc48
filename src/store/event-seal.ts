import { MillraceError } from '../core/index.ts';
import type { StoredEvent } from '../storage/index.ts';
import type { DataKey } from './data-key.ts';
import type { AnyEvent } from './event-definition.ts';
import {
  boundTo,
  type Decoders,
  isSealed,
  type LoadedKeys,
  SEALED,
  type SealedPlace,
  SealedValue,
  sealedInJson,
  UnsealedValue,
  unsealedInJson,
} from './sealed.ts';

/** The key that seals an event, by the id under which the store keeps it. */
export interface SealingKey {
  readonly id: string;
  readonly key: DataKey;
}

/** Data with sealed parts, as it is stored: what is not sensitive as it is, beside the ciphertext of each part. */
interface Envelope {
  readonly [SEALED]: { readonly key: string; readonly parts: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The end of the mark's name in JSON, without the quote before it: quotes are everywhere, and each would have to be looked at. */
const SEALED_MARK = JSON.stringify(SEALED).slice(1);

/** All of the data, as the name of a part. */
const PAYLOAD = '';

/** Seals what an event type marks as sensitive. `data` is what JSON would hold of it; so is the answer. */
export function sealData(
  { type, version, sensitive }: AnyEvent,
  data: unknown,
  { stream, id }: { stream: string; id: string },
  { id: key, key: dataKey }: SealingKey,
): unknown {
  const seal = (part: string, value: unknown): string =>
    dataKey.seal(JSON.stringify(value), boundTo(key, { stream, id, type, version, part }));
  if (sensitive?.payload === true) return { [SEALED]: { key, parts: { [PAYLOAD]: seal(PAYLOAD, data) } } };
  const parts: Record<string, string> = {};
  const clear: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data as object)) {
    if (value !== undefined && sensitive?.fields?.includes(name)) parts[name] = seal(name, value);
    else clear[name] = value;
  }
  return { [SEALED]: { key, parts }, data: clear } satisfies Envelope;
}

/** What is stored of an event, with sealed values in the place of ciphertext. */
export function withSealedValues(stored: StoredEvent, parsed: unknown, keys: LoadedKeys, decoders: Decoders): unknown {
  if (!isEnvelope(parsed)) return revived(parsed, keys, decoders);
  const { key, parts } = parsed[SEALED];
  const { stream, id, type, schemaVersion: version } = stored;
  const sealedValue = (part: string, text: string): SealedValue =>
    new SealedValue({ key, place: { stream, id, type, version, part }, text, entry: keys(key), decoders });
  if (parts[PAYLOAD] !== undefined) return sealedValue(PAYLOAD, parts[PAYLOAD]);
  const values = Object.entries(parts).map(([part, text]) => [part, sealedValue(part, text)]);
  return { ...(revived(parsed.data, keys, decoders) as object), ...Object.fromEntries(values) };
}

/**
 * How what an event sealed is read: a member as the marks of its type say, all of the data by `payload`, from its version to the
 * current one.
 */
export function decoderOf(
  definition: AnyEvent | undefined,
  { part }: SealedPlace,
  payload: (definition: AnyEvent, json: unknown) => unknown,
): ((json: unknown) => unknown) | undefined {
  if (definition === undefined) return undefined;
  if (part === PAYLOAD) return json => payload(definition, json);
  const { codec } = definition;
  if (codec === undefined) return undefined;
  return json => (codec.decode({ [part]: json }) as Record<string, unknown>)[part];
}

/** Data in which every value is sealed that its type marks, also what was stored before it was marked. */
export function allSealed({ sensitive }: AnyEvent, data: unknown): unknown {
  if (sensitive === undefined || data instanceof SealedValue) return data;
  if (sensitive.payload === true) return new UnsealedValue(data);
  const members = Object.entries(data as object).map(([name, value]) => {
    const open = sensitive.fields?.includes(name) && value !== undefined && !isSealed(value);
    return [name, open ? new UnsealedValue(value) : value];
  });
  return Object.fromEntries(members);
}

/** Whether JSON text may hold something sealed. */
export function holdsSealed(text: string): boolean {
  return text.includes(SEALED_MARK);
}

/** The ids of the keys that stored text needs; text without sealed values costs one search. */
export function keysIn(text: string): string[] {
  if (!holdsSealed(text)) return [];
  const found: string[] = [];
  collectKeys(JSON.parse(text), found);
  return found;
}

function collectKeys(value: unknown, found: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  const key = isEnvelope(value) ? value[SEALED].key : sealedInJson(value)?.key;
  if (key !== undefined) found.push(key);
  for (const member of Object.values(value)) collectKeys(member, found);
}

/** A value from JSON in which sealed values can be opened again. What holds none is answered as it is. */
export function revived(value: unknown, keys: LoadedKeys, decoders: Decoders): unknown {
  if (typeof value !== 'object' || value === null || isSealed(value)) return value;
  if (Array.isArray(value)) return value.map(element => revived(element, keys, decoders));
  const sealed = sealedInJson(value);
  if (sealed !== undefined) return new SealedValue({ ...sealed, entry: keys(sealed.key), decoders });
  const unsealed = unsealedInJson(value);
  if (unsealed !== undefined) return unsealed;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, revived(member, keys, decoders)]));
}

/** Refuses data that looks as if it were sealed: only what a mark says is. */
export function checkNotSealed(type: string, data: unknown): void {
  if (typeof data !== 'object' || data === null || data instanceof SealedValue || !Object.hasOwn(data, SEALED)) return;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `The data of event ${type} has a member ${SEALED}, which is Millrace's own. Nothing was appended: give it another name.`,
    { details: { type } },
  );
}

function isEnvelope(value: unknown): value is Envelope {
  const sealed = (value as { [SEALED]?: { parts?: unknown } } | null)?.[SEALED];
  return typeof sealed === 'object' && sealed !== null && typeof sealed.parts === 'object';
}
