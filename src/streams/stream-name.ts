import { MillraceError } from '../core/index.ts';

const NAME_LIMIT = 200;
/** What Kafka allows in the name of a topic: names of nodes and stores become parts of such names. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Returns the name when it can be that of a topology, node, store or topic; throws `INVALID_DEFINITION` otherwise. */
export function checkedStreamName(name: unknown, what: string): string {
  if (typeof name === 'string' && name.length <= NAME_LIMIT && NAME.test(name)) return name;
  const shown = typeof name === 'string' && name.length > 60 ? `${name.slice(0, 60)}…` : name;
  throw new MillraceError(
    'INVALID_DEFINITION',
    `${what} is ${JSON.stringify(shown)}. It must be 1 to ${NAME_LIMIT} letters, digits, dots, dashes and underscores, and begin with a letter or digit.`,
    { details: { what, value: shown } },
  );
}
