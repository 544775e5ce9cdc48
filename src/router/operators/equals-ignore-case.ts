import { textOperator } from './text-operator.ts';

/**
 * `{ 'equals-ignore-case': 'Ada' }`: the text is this one, each of its characters in either case. As in EventBridge, cases are
 * those of single UTF-16 units of the pattern in no particular language: `ß` stands for `ß` and `SS`.
 */
export const equalsIgnoreCase = textOperator('equals-ignore-case', operand => {
  const units = operand.split('').map(unit => ({ lower: unit.toLowerCase(), upper: unit.toUpperCase() }));
  return text => {
    let at = 0;
    for (const { lower, upper } of units) {
      // No unit's two cases begin alike unless they are the same, so that whichever fits is the only one that can.
      if (text.startsWith(lower, at)) at += lower.length;
      else if (text.startsWith(upper, at)) at += upper.length;
      else return false;
    }
    return at === text.length;
  };
});
