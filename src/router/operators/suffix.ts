import { textOperator } from './text-operator.ts';

/** `{ suffix: '.png' }`: the text ends so. */
export const suffix = textOperator('suffix', end => text => text.endsWith(end));
