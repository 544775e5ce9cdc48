/**
 * Runs benchmarks: `npm run bench`, or some of them by name. benchmarks/README.md says what each of them measures.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildIfStale } from '../tools/build.ts';
import { benchmarks } from './harness/benchmarks.ts';
import { runContest } from './harness/contest.ts';
import { checkDisk, describeMachine, type Machine } from './harness/machine.ts';
import { type Report, reportLines, reportOn } from './harness/report.ts';

const USAGE = `npm run bench -- [name ...] [--quick] [--json] [--rounds N] [--data DIR] [--profile CONTESTANT]

  --quick     few rounds of less work: for a look, not for the record
  --json      one JSON object on standard output, tables on standard error
  --rounds N  rounds of each contestant
  --data DIR  folder for the files, on the disk to be measured (the system's folder for temporary files)
  --any-disk  accept a folder in memory, where syncs cost nothing
  --profile C write a CPU profile of the contestant C into the current folder

Names: ${benchmarks.map(({ name }) => name).join(', ')}
`;

const QUICK_ROUNDS = 3;

/** A call that cannot be understood. */
class UsageError extends Error {}

function parsedCall() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      data: { type: 'string', default: tmpdir() },
      'any-disk': { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter(name => benchmarks.every(benchmark => benchmark.name !== name));
  if (unknown.length > 0) throw new UsageError(`There is no benchmark ${unknown.join(', ')}.`);
  if (values.rounds !== undefined && !/^[1-9]\d{0,3}$/.test(values.rounds)) {
    throw new UsageError(`--rounds is ${JSON.stringify(values.rounds)}. Give a whole number from 1.`);
  }
  const chosen = benchmarks.filter(({ name, onlyByName }) =>
    positionals.length === 0 ? onlyByName !== true : positionals.includes(name),
  );
  return { ...values, chosen };
}

/** Makes the folder in which everything is measured; it goes when the process ends. */
function ownFolder(parent: string, anyDisk: boolean): string {
  const data = resolve(parent);
  mkdirSync(data, { recursive: true });
  if (!anyDisk) checkDisk(data);
  const folder = mkdtempSync(join(data, 'millrace-bench-'));
  process.once('SIGINT', () => process.exit(130));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function machineLine({ cores, memoryGib, node, sqlite, syncsPerSecond, loadAverage }: Machine): string {
  const disk = `the disk makes ${syncsPerSecond} syncs of 4 KiB a second`;
  return `${cores} cores, ${memoryGib} GiB, Node.js ${node}, SQLite ${sqlite}; ${disk}; load average ${loadAverage}\n\n`;
}

async function main(): Promise<number> {
  const { chosen, help, json, quick, profile, ...call } = parsedCall();
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  buildIfStale({ check: false });
  const folder = ownFolder(call.data, call['any-disk']);
  const show = (text: string): boolean => (json ? process.stderr : process.stdout).write(text);
  const machine = await describeMachine(folder);
  show(machineLine(machine));
  const reports: Report[] = [];
  for (const benchmark of chosen) {
    const missing = await benchmark.missing?.();
    if (missing !== undefined) {
      if (process.env.CI === 'true')
        throw new Error(`${benchmark.name}: ${missing}. With CI=true nothing may be missing.`);
      process.stderr.write(`SKIPPED ${benchmark.name}: ${missing}\n\n`);
      continue;
    }
    const rounds = Number(call.rounds ?? (quick ? QUICK_ROUNDS : benchmark.rounds));
    const results = await runContest(benchmark, {
      folder: join(folder, benchmark.name),
      rounds,
      quick,
      ...(profile === undefined ? {} : { nodeOptions: { [profile]: ['--cpu-prof'] } }),
      progress: round => {
        if (process.stderr.isTTY) process.stderr.write(`\r${benchmark.name}: round ${round} of ${rounds} \r`);
      },
    });
    const report = reportOn(benchmark, results);
    reports.push(report);
    show(`${reportLines(benchmark, report)}\n`);
  }
  if (json) process.stdout.write(`${JSON.stringify({ machine, reports }, null, 2)}\n`);
  return reports.every(({ verdicts }) => verdicts.every(({ passed }) => passed)) ? 0 : 1;
}

function isUsageError(thrown: unknown): boolean {
  const code = (thrown as { code?: unknown }).code;
  return thrown instanceof UsageError || (typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS'));
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const wrongCall = isUsageError(thrown);
  process.stderr.write(
    `${thrown instanceof Error ? thrown.message : String(thrown)}\n${wrongCall ? `\n${USAGE}` : ''}`,
  );
  process.exitCode = wrongCall ? 2 : 1;
}
