import { InvalidArgumentError } from 'commander';

/** A parser for an option that is a number within bounds; says what is wrong with any other value. */
export function numberOption(limits: { min: number; max: number; whole?: boolean }): (text: string) => number {
  const { min, max, whole = false } = limits;
  return text => {
    const value = Number(text);
    const fits = text.trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value));
    if (fits) return value;
    throw new InvalidArgumentError(`It must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}.`);
  };
}

/** A parser for a port. */
export const portOption = numberOption({ min: 1, max: 65_535, whole: true });
