import { buildIfStale } from '../tools/build.ts';

/** Builds what the tests of the built package run, unless it is up to date. Types are checked by `npm run typecheck`. */
export default function setup(): void {
  buildIfStale({ check: false });
}
