import { closeSync, openSync, writeSync } from 'node:fs';
import { systemClock } from '../core/index.ts';
import { createLogger, openStorage } from '../index.ts';
import { exportLog, importLog, type PositionMapping } from '../operations/index.ts';
import { EXIT } from './exit-code.ts';
import { openLog } from './open-log.ts';
import type { Output } from './output.ts';
import { lazyProgress } from './progress-line.ts';
import { shownStore } from './shown-store.ts';
import { writeUserFile } from './user-file.ts';

/** What `millrace export` is told. */
export interface ExportFlags {
  readonly store: string;
  readonly format: 'ndjson' | 'cloudevents';
  readonly resume?: boolean;
  readonly json?: boolean;
}

/** What `millrace import` is told. */
export interface ImportFlags {
  readonly store: string;
  readonly map?: string;
  readonly json?: boolean;
}

/** Writes a log to a file; answers the exit code. */
export async function runExport(file: string, flags: ExportFlags, output: Output): Promise<number> {
  const progress = lazyProgress('export', output.json, systemClock.monotonic);
  const { log, close } = await openLog(flags.store);
  try {
    const manifest = await exportLog(log, file, {
      format: flags.format,
      resume: flags.resume ?? false,
      onProgress: progress.update,
    }).finally(progress.end);
    output.result({ file, ...manifest }, () => [
      `${file} holds ${manifest.count} events up to position ${manifest.head}`,
    ]);
    return EXIT.ok;
  } finally {
    await close();
  }
}

/** Appends a file to a log; answers the exit code. */
export async function runImport(file: string, { store, map }: ImportFlags, output: Output): Promise<number> {
  const progress = lazyProgress('import', output.json, systemClock.monotonic);
  const storage = await openStorage(store, { clock: systemClock, logger: createLogger('error') });
  try {
    const mapping = map === undefined ? undefined : mappingFile(map);
    const result = await importLog(storage, file, {
      onProgress: progress.update,
      ...(mapping === undefined ? {} : { onMapped: mapping.write }),
    }).finally(() => {
      progress.end();
      mapping?.close();
    });
    const { events, known, positionsKept, head } = result;
    output.result({ store: shownStore(store), ...result }, () => [
      `${events} events imported, ${known} of them were there already; the log goes to position ${head}`,
      positionsKept ? 'all positions are kept' : `positions are others: see ${map ?? 'the log'}`,
    ]);
    return EXIT.ok;
  } finally {
    await storage.close();
  }
}

/** A line for each event, written as soon as it stands. */
function mappingFile(file: string) {
  writeUserFile(file, '');
  const descriptor = openSync(file, 'a');
  return {
    write: (mapping: PositionMapping): void => void writeSync(descriptor, `${JSON.stringify(mapping)}\n`),
    close: () => closeSync(descriptor),
  };
}
