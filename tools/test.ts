/**
 * Runs all tests.
 *
 *     npm test                             everything, with the quick number of runs
 *     npm test -- src/sqlite               the files whose path contains this; other arguments are vitest's
 *     npm test -- --runs 5000 --seed 42    property and fault tests: how many runs (or `full`), and from which seed
 *     npm run test:full                    the same as --runs full
 *
 * The last line is "N passed, N failed", with ", N skipped" when something was; why it was is said above it.
 */
import { parseCLI, startVitest } from 'vitest/node';
import { TestCount } from './test-count.ts';

/** What the tests read from the environment instead, because they run in processes of their own. */
const OWN_FLAGS = { '--runs': 'MILLRACE_RUNS', '--seed': 'MILLRACE_SEED' } as const;

/** Moves our own flags into the environment; the rest is for vitest. */
function takeOwnFlags(args: readonly string[]): string[] {
  const rest: string[] = [];
  const remaining = args.flatMap(arg => (/^--(runs|seed)=/.test(arg) ? arg.split('=', 2) : [arg]));
  for (let arg = remaining.shift(); arg !== undefined; arg = remaining.shift()) {
    if (arg === '--runs' || arg === '--seed') process.env[OWN_FLAGS[arg]] = remaining.shift() ?? '';
    else rest.push(arg);
  }
  return rest;
}

const { filter, options } = parseCLI(['vitest', 'run', ...takeOwnFlags(process.argv.slice(2))]);
const { reporter: reporters = ['default'], ...rest } = options as typeof options & { reporter?: string[] };
const count = new TestCount();
try {
  const vitest = await startVitest(filter, { ...rest, watch: false, reporters: [...reporters, count] });
  await vitest.close();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
}
if (!count.succeeded) process.exitCode = 1;
process.stdout.write(count.report());
