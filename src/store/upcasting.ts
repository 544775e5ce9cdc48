import { MillraceError, messageOf } from '../core/index.ts';

/** Turns the data of version n of an event into that of version n+1, for each n below the current version. */
export type Upcasters = Readonly<Record<number, (data: never) => unknown>>;

/** The versions below one: `1 | 2` below 3. */
type VersionsBelow<Version extends number, Counted extends readonly unknown[] = [unknown]> = Counted['length'] extends
  | Version
  | VersionsMax
  ? never
  : Counted['length'] | VersionsBelow<Version, readonly [...Counted, unknown]>;

/** Up to here TypeScript follows a chain; what comes after it is checked when the event type is defined. */
type VersionsMax = 100;

type Numbers<Count extends number, Counted extends readonly unknown[] = []> = Counted['length'] extends Count
  ? Counted
  : Numbers<Count, readonly [...Counted, unknown]>;
type Next<Version extends number> = [...Numbers<Version>, unknown]['length'];

type InputOf<Upcaster> = Upcaster extends (data: infer Data) => unknown ? Data : unknown;

/**
 * A chain of upcasters without a gap: each takes what the one before it makes, and the last one makes data of the current
 * version. A version that is not known while compiling is checked when the event type is defined.
 */
export type UpcasterChain<Version extends number, Chain, Data> = number extends Version
  ? unknown
  : {
      readonly [From in VersionsBelow<Version>]: (
        data: From extends keyof Chain ? InputOf<Chain[From]> : never,
      ) => Next<From> extends Version ? Data : Next<From> extends keyof Chain ? InputOf<Chain[Next<From>]> : unknown;
    } & Without<number extends keyof Chain ? never : Exclude<keyof Chain, VersionsBelow<Version>>>;

/** An object that has none of some members. */
type Without<Members extends PropertyKey> = { readonly [Member in Members]?: never };

/** Throws `INVALID_DEFINITION` unless there is one upcaster from each version below the current one, and no other. */
export function checkUpcasters(type: string, version: number, upcast: Upcasters): void {
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new MillraceError(
      'INVALID_DEFINITION',
      `Event ${type} has version ${version}. Versions are whole numbers from 1.`,
      { details: { type, version } },
    );
  }
  for (let from = 1; from < version; from++) {
    if (typeof upcast[from] === 'function') continue;
    throw new MillraceError(
      'INVALID_DEFINITION',
      `Event ${type} has version ${version} but no upcaster from version ${from}. Add upcast: { ${from}: data => … }, or stored events of that version could not be read.`,
      { details: { type, version, missing: from } },
    );
  }
  const stray = Object.keys(upcast).find(from => !(Number(from) >= 1 && Number(from) < version));
  if (stray === undefined) return;
  throw new MillraceError(
    'INVALID_DEFINITION',
    `Event ${type} has version ${version} and an upcaster from version ${stray}, which would never be used. Raise the version, or take the upcaster away.`,
    { details: { type, version, stray } },
  );
}

/** An event as it is stored, as far as upcasting has to know it. */
export interface UpcastSource {
  readonly id: string;
  readonly position: number;
  readonly type: string;
  readonly schemaVersion: number;
}

/**
 * Takes the data of a stored event to the current version of its type, one version at a time. Throws `UNKNOWN_EVENT_VERSION`
 * when it is newer than that, `LOAD_FAILED` when an upcaster throws.
 */
export function upcast(
  stored: UpcastSource,
  definition: { readonly version: number; readonly upcast: Upcasters },
  data: unknown,
): unknown {
  const { type, position, schemaVersion } = stored;
  if (schemaVersion > definition.version) {
    throw new MillraceError(
      'UNKNOWN_EVENT_VERSION',
      `Event ${stored.id} at position ${position} is version ${schemaVersion} of ${type}; this program knows versions up to ${definition.version}. Run a program that knows it.`,
      { details: { type, position, schemaVersion, known: definition.version } },
    );
  }
  let current = data;
  for (let version = schemaVersion; version < definition.version; version++) {
    const step = definition.upcast[version] as (data: unknown) => unknown;
    try {
      current = step(current);
    } catch (cause) {
      throw new MillraceError(
        'LOAD_FAILED',
        `The upcaster of ${type} from version ${version} failed on the event at position ${position}: ${messageOf(cause)}`,
        { cause, details: { type, position, schemaVersion, upcaster: version } },
      );
    }
  }
  return current;
}
