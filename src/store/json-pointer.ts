import { MillraceError } from '../core/index.ts';

/** The names of members that a JSON pointer (RFC 6901) leads through. Throws `INVALID_ARGUMENT` for what is none. */
export function pointerParts(pointer: string): readonly string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(pointer)} is no JSON pointer. Write a slash before each member, as in /items/0/price; ~1 stands for a slash, ~0 for ~.`,
      { details: { pointer } },
    );
  }
  return pointer
    .slice(1)
    .split('/')
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A JSON pointer that leads one member further. */
export function pointerTo(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What a pointer leads to in a JSON value; undefined when there is nothing. */
export function valueAtPointer(value: unknown, parts: readonly string[]): unknown {
  let found = value;
  for (const part of parts) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return undefined;
    found = (found as Record<string, unknown>)[part];
  }
  return found;
}
