import { anythingBut } from './anything-but.ts';
import { equalsIgnoreCase } from './equals-ignore-case.ts';
import { exists } from './exists.ts';
import { numeric } from './numeric.ts';
import type { Operator } from './operator.ts';
import { prefix } from './prefix.ts';
import { suffix } from './suffix.ts';

/** Every operator by its name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  [anythingBut, equalsIgnoreCase, exists, numeric, prefix, suffix].map(operator => [operator.name, operator]),
);
