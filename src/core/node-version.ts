import { MillraceError } from './errors.ts';

/** The oldest Node.js on which the tests pass; `engines` in package.json says the same. */
export const NODE_VERSION_MIN = '24.0.0';

/** Throws `UNSUPPORTED_NODE` for a version of Node.js that is older than Millrace needs. */
export function checkNodeVersion(version: string): void {
  const difference = parts(version)
    .map((part, place) => part - (parts(NODE_VERSION_MIN)[place] ?? 0))
    .find(part => part !== 0);
  if (difference === undefined || difference > 0) return;
  throw new MillraceError(
    'UNSUPPORTED_NODE',
    `Millrace needs Node.js ${NODE_VERSION_MIN} or newer, and this is Node.js ${version}. Install a newer one.`,
    { details: { needed: NODE_VERSION_MIN, found: version } },
  );
}

function parts(version: string): number[] {
  return version
    .split('.')
    .slice(0, 3)
    .map(part => Number.parseInt(part, 10));
}

// The core is what every entry point loads first, so this runs before anything that an old Node.js would stumble over.
checkNodeVersion(process.versions.node);
