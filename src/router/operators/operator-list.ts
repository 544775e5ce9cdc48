import { all } from './all.ts';
import { anythingBut } from './anything-but.ts';
import { cidr } from './cidr.ts';
import { compareTo } from './compare-to.ts';
import { equalsIgnoreCase } from './equals-ignore-case.ts';
import { exactly } from './exactly.ts';
import { exists } from './exists.ts';
import { numeric } from './numeric.ts';
import type { Operator } from './operator.ts';
import { prefix } from './prefix.ts';
import { suffix } from './suffix.ts';
import { wildcard } from './wildcard.ts';

/** Every operator by its name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  [all, anythingBut, cidr, compareTo, equalsIgnoreCase, exactly, exists, numeric, prefix, suffix, wildcard].map(
    operator => [operator.name, operator],
  ),
);
