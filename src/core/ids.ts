import type { Clock } from './clock.ts';
import { MillraceError } from './errors.ts';
import type { Random } from './random.ts';

/** Makes ids that sort by the time at which they were made. */
export interface IdSource {
  /** A new UUID of version 7 (RFC 9562, 5.7), greater than every one before it from this source. */
  next(): string;
}

const COUNTER_LIMIT = 4096;
const BYTE_HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/**
 * A source of time-ordered ids. Order matters to the storage: an index over random ids halves the rate of appends as it
 * grows. The 12 bits after the version count within a millisecond (RFC 9562, 6.2, method 1); a full counter or a clock
 * that steps back borrows from the next millisecond.
 */
export function createIdSource({ clock, random }: { clock: Clock; random: Random }): IdSource {
  let millisecond = -1;
  let counter = 0;
  let timeHex = '';
  return {
    next() {
      const now = clock.now();
      if (now > millisecond || ++counter === COUNTER_LIMIT) {
        millisecond = Math.max(now, millisecond + 1);
        counter = 0;
        const hex = millisecond.toString(16).padStart(12, '0');
        timeHex = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
      }
      const high = (random.uint32() & 0x3fffffff) | 0x80000000;
      const low = random.uint32();
      const count = (BYTE_HEX[counter >>> 8] as string)[1] + (BYTE_HEX[counter & 0xff] as string);
      return `${timeHex}${count}-${hex16(high >>> 16)}-${hex16(high)}${hex16(low >>> 16)}${hex16(low)}`;
    },
  };
}

function hex16(value: number): string {
  return (BYTE_HEX[(value >>> 8) & 0xff] as string) + (BYTE_HEX[value & 0xff] as string);
}

const NAME_LIMIT = 255;
// Control characters would break logs, headers and the names of files; everything else is the user's choice.
// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/** Returns the name when it can be that of a stream, event type, event id or key; throws `INVALID_ARGUMENT` otherwise. */
export function checkedName(name: unknown, what: string): string {
  // Half of a surrogate pair has no UTF-8 form, so that two such names could come to mean the same.
  const readable = typeof name === 'string' && !CONTROL_CHARACTER.test(name) && name.isWellFormed();
  if (readable && name.length > 0 && name.length <= NAME_LIMIT) return name;
  const shown = typeof name === 'string' && name.length > 60 ? `${name.slice(0, 60)}…` : name;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${what} is ${JSON.stringify(shown)}. It must be a text of 1 to ${NAME_LIMIT} characters without control characters and halves of surrogate pairs.`,
    { details: { what, value: shown } },
  );
}

/** The part of a stream's name before its first dash: `order` of `order-42`. The whole name when it has no dash. */
export function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? stream : stream.slice(0, dash);
}

/** Categories that begin with this are Millrace's own; subscriptions leave them out unless asked for them. */
export const SYSTEM_PREFIX = '$';
