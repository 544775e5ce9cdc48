import { MillraceError, systemClock } from '../core/index.ts';
import {
  type BackupManifest,
  type BackupStage,
  createBackup,
  restoreBackup,
  verifyBackup,
} from '../operations/index.ts';
import { EXIT } from './exit-code.ts';
import { fileOf } from './open-log.ts';
import type { Output } from './output.ts';
import { lazyProgress } from './progress-line.ts';
import { reportLines } from './run-verify.ts';

/** What the commands for backups are told. */
export interface BackupFlags {
  readonly store: string;
  readonly json?: boolean;
}

/** Makes a backup; answers the exit code. */
export async function runCreate(folder: string, { store }: BackupFlags, output: Output): Promise<number> {
  const stages = stagedProgress(output.json);
  const manifest = await createBackup(fileNamed(store), folder, { onProgress: stages.update }).finally(stages.end);
  output.result({ folder, ...manifest }, () => [`${folder} holds ${describe(manifest)}`]);
  return EXIT.ok;
}

/** Checks a backup; answers the exit code. */
export async function runVerifyBackup(folder: string, output: Output): Promise<number> {
  const stages = stagedProgress(output.json);
  const report = await verifyBackup(folder, { onProgress: stages.update }).finally(stages.end);
  output.result({ folder, ...report }, () => [
    ...report.faults,
    ...(report.log === null ? [] : reportLines(report.log)),
    `${report.ok ? 'OK' : 'NOT OK'}: ${folder} with ${describe(report.manifest)}`,
  ]);
  return report.ok ? EXIT.ok : EXIT.checkFailed;
}

/** Restores a backup; answers the exit code. */
export async function runRestore(folder: string, { store }: BackupFlags, output: Output): Promise<number> {
  const stages = stagedProgress(output.json);
  const file = fileNamed(store);
  const manifest = await restoreBackup(folder, file, { onProgress: stages.update }).finally(stages.end);
  output.result({ store, ...manifest }, () => [`${store} holds ${describe(manifest)}`]);
  return EXIT.ok;
}

function describe({ events, head, createdAt }: BackupManifest): string {
  return `${events} events up to position ${head}, as of ${createdAt}`;
}

function fileNamed(store: string): string {
  const file = fileOf(store);
  if (file !== undefined) return file;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${store} is no file. A backup is the copy of a file: name one as sqlite:<file>. For PostgreSQL use its own tools, such as pg_dump.`,
    { details: { store } },
  );
}

/** One line of progress for each stage. */
function stagedProgress(json: boolean) {
  let stage: BackupStage | undefined;
  let line: ReturnType<typeof lazyProgress> | undefined;
  return {
    update(current: BackupStage, done: number, total: number): void {
      if (current !== stage) {
        line?.end();
        stage = current;
        line = lazyProgress(current, json, systemClock.monotonic);
      }
      line?.update(done, total);
    },
    end: () => line?.end(),
  };
}
