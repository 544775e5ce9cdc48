import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Tests of what is built and published; before the first of them `dist` is built if it is stale. */
const built = ['test/e2e/**/*.test.ts', 'test/chaos/**/*.test.ts', 'test/package.test.ts'];

export default defineConfig({
  resolve: {
    // Tests run the source; the packed package has tests of its own.
    alias: [
      { find: /^millrace$/, replacement: source('index.ts') },
      { find: /^millrace\/(.+)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // One for each core: most tests wait, for a disk or for another process, so that none has to be kept free for the runner.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: 'source',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'dashboard/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...built],
        },
      },
      {
        extends: true,
        test: {
          name: 'built',
          include: built,
          globalSetup: 'test/global-setup.ts',
          // Whole programs run here, some of them many times; they start when the quick tests no longer take their time.
          sequence: { groupOrder: 1 },
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
