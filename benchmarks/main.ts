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
import { checkDisk, describeMachine } from './harness/machine.ts';
import { type Report, reportLines, reportOn } from './harness/report.ts';

const USAGE = `npm run bench -- [name ...] [--quick] [--json] [--rounds N] [--data DIR] [--profile CONTESTANT]

  --quick     few rounds of less work: for a look, not for the record
  --json      one JSON object on standard output, tables on standard error
  --rounds N  rounds of each contestant
  --data DIR  folder for the files, on the disk to be measured (the system's folder for temporary files)
  --profile C write a CPU profile of the contestant C into the current folder

Names: ${benchmarks.map(({ name }) => name).join(', ')}
`;

const QUICK_ROUNDS = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    data: { type: 'string', default: tmpdir() },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const unknown = positionals.filter(name => benchmarks.every(benchmark => benchmark.name !== name));
  if (values.help || unknown.length > 0) {
    process.stderr.write(unknown.length > 0 ? `There is no benchmark ${unknown.join(', ')}.\n\n${USAGE}` : USAGE);
    return values.help ? 0 : 2;
  }
  buildIfStale({ check: false });
  const data = resolve(values.data);
  mkdirSync(data, { recursive: true });
  checkDisk(data);
  const folder = mkdtempSync(join(data, 'millrace-bench-'));
  process.once('SIGINT', () => process.exit(130));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const show = (text: string): boolean => (values.json ? process.stderr : process.stdout).write(text);
  const reports: Report[] = [];
  const machine = await describeMachine(folder);
  const { cores, memoryGib, node, sqlite, syncsPerSecond, loadAverage } = machine;
  show(
    `${cores} cores, ${memoryGib} GiB, Node.js ${node}, SQLite ${sqlite}; the disk makes ${syncsPerSecond} syncs of 4 KiB a second; load average ${loadAverage}\n\n`,
  );
  for (const benchmark of benchmarks) {
    if (positionals.length > 0 && !positionals.includes(benchmark.name)) continue;
    const rounds = Number(values.rounds ?? (values.quick ? QUICK_ROUNDS : benchmark.rounds));
    const results = await runContest(benchmark, {
      folder: join(folder, benchmark.name),
      rounds,
      quick: values.quick,
      ...(values.profile === undefined ? {} : { nodeOptions: { [values.profile]: ['--cpu-prof'] } }),
      progress: round => {
        if (process.stderr.isTTY) process.stderr.write(`\r${benchmark.name}: round ${round} of ${rounds} \r`);
      },
    });
    const report = reportOn(benchmark, results);
    reports.push(report);
    show(`${reportLines(benchmark, report)}\n`);
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, reports }, null, 2)}\n`);
  return reports.every(({ verdicts }) => verdicts.every(({ passed }) => passed)) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
  process.exitCode = 1;
}
