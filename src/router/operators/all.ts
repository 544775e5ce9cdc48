import { shown } from '../unchecked-value.ts';
import type { Operator } from './operator.ts';

/** `{ all: [{ prefix: 'EU-' }, { 'anything-but': { suffix: '-test' } }] }`: one and the same value meets everything listed. */
export const all: Operator = {
  name: 'all',
  parse(operand, place, parseClause) {
    if (!Array.isArray(operand) || operand.length === 0) {
      throw place.refusal('INVALID_PATTERN', `is ${shown(operand)}; write a list of what the value has to meet.`);
    }
    const clauses = operand.map((each: unknown, index) => {
      const clause = parseClause(each, place.at(index));
      if (clause.acceptsAbsence !== true) return clause;
      throw place.at(index).refusal('INVALID_PATTERN', 'asks for no value, which cannot meet anything else.');
    });
    const hints = clauses.find(clause => clause.hints !== undefined)?.hints;
    return {
      operator: 'all',
      operand,
      ...(hints === undefined ? {} : { hints }),
      matches: (leaf, event) => clauses.every(clause => clause.matches(leaf, event)),
    };
  },
};
