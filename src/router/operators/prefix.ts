import { textOperator } from './text-operator.ts';

/** `{ prefix: 'EU-' }`: the text begins so. */
export const prefix = textOperator('prefix', start => text => text.startsWith(start));
