import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkNodeVersion, NODE_VERSION_MIN } from './node-version.ts';

const [major, minor, patch] = NODE_VERSION_MIN.split('.').map(Number) as [number, number, number];

test('accepts the oldest supported Node.js and every newer one', () => {
  const newer = [
    `${major}.${minor}.${patch + 1}`,
    `${major}.${minor + 1}.0`,
    `${major + 1}.0.0`,
    `${major + 1}.0.0-nightly`,
  ];
  for (const version of [NODE_VERSION_MIN, ...newer]) expect(() => checkNodeVersion(version)).not.toThrow();
});

test.each(['23.99.99', '20.20.2', '9.0.0'])('refuses Node.js %s with both versions and a remedy', version => {
  expect(() => checkNodeVersion(version)).toThrowError(
    expect.objectContaining({
      code: 'UNSUPPORTED_NODE',
      details: { needed: NODE_VERSION_MIN, found: version },
      message: expect.stringContaining('Install a newer one'),
    }),
  );
});

test('asks for the version that package.json asks for', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(engines.node).toBe(`>=${NODE_VERSION_MIN}`);
});
