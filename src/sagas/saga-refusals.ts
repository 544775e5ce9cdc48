import { MillraceError } from '../core/index.ts';

/** `SAGA_NOT_DEFINED`: there is no such version. */
export function notDefined(type: string, version: number, known: readonly number[]): MillraceError {
  return new MillraceError('SAGA_NOT_DEFINED', `Saga ${type} has no version ${version}; it has ${known.join(', ')}.`, {
    details: { type, version, known },
  });
}

/** `ALREADY_EXISTS`: there is a saga of that id. */
export function exists(type: string, id: string): MillraceError {
  return new MillraceError(
    'ALREADY_EXISTS',
    `There is a saga ${type} with the id ${id} already. Nothing was started.`,
    {
      details: { type, id },
    },
  );
}

/** `SAGA_NOT_FOUND`: there is none. */
export function notFound(type: string, id: string): MillraceError {
  return new MillraceError('SAGA_NOT_FOUND', `There is no saga ${type} with the id ${id}.`, { details: { type, id } });
}
