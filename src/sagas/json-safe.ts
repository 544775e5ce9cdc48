import type { Sealed } from '../store/index.ts';

// biome-ignore-start lint/suspicious/noConfusingVoidType: a step that answers nothing is an async function of void
/** A type that JSON can hold without loss, sealed values among them; what it cannot hold becomes `never`, so that such a result does not compile. */
export type JsonSafe<T> = T extends string | number | boolean | null | undefined | void
  ? T
  : T extends bigint | symbol | ((...args: never[]) => unknown) | Date
    ? never
    : T extends Sealed<unknown>
      ? T
      : T extends object
        ? { readonly [Member in keyof T]: JsonSafe<T[Member]> }
        : never;
// biome-ignore-end lint/suspicious/noConfusingVoidType: end
