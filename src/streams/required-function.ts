import { MillraceError } from '../core/index.ts';

/** Throws `UNSUPPORTED_TRANSFORMATION` when a node was given something else where it needs a function. */
export function requireFunction(node: { kind: string; name: string }, part: string, given: unknown): void {
  if (typeof given === 'function') return;
  throw new MillraceError(
    'UNSUPPORTED_TRANSFORMATION',
    `Node ${node.name} (${node.kind}) needs a function as its ${part}, not ${given === null ? 'null' : typeof given}.`,
    { details: { node: node.name, kind: node.kind, part } },
  );
}
