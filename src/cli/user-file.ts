import { readFileSync, writeFileSync } from 'node:fs';
import { MillraceError, messageOf } from '../core/index.ts';

/** The text of a file that a user has named. Throws `NOT_FOUND` when there is none, `INVALID_ARGUMENT` when it cannot be read. */
export function readUserFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ENOENT';
    const message = missing
      ? `There is no file ${file}. Check the path.`
      : `${file} cannot be read: ${messageOf(cause)}`;
    throw new MillraceError(missing ? 'NOT_FOUND' : 'INVALID_ARGUMENT', message, { cause, details: { file } });
  }
}

/** Writes a new file that a user has named. Throws `ALREADY_EXISTS` when there is one, `INVALID_ARGUMENT` when it cannot be written. */
export function writeUserFile(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (cause) {
    const taken = (cause as { code?: string }).code === 'EEXIST';
    const message = taken
      ? `${file} exists already. Name another file, or move it away.`
      : `${file} cannot be written: ${messageOf(cause)}`;
    throw new MillraceError(taken ? 'ALREADY_EXISTS' : 'INVALID_ARGUMENT', message, { cause, details: { file } });
  }
}
