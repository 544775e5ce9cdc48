import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A schema that takes everything, for events whose data is not what a test is about. */
export function anySchema<T>(): StandardSchemaV1<T> {
  return { '~standard': { version: 1, vendor: 'test', validate: value => ({ value: value as T }) } };
}
