import { createReadStream, existsSync } from 'node:fs';
import { open, readFile, rename, truncate } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { MillraceError } from '../core/index.ts';
import type { LogReader } from '../storage/index.ts';
import { fileHash } from './backup-manifest.ts';
import { sync, writeDurably } from './durable-file.ts';
import { type ExportFormat, eventLine, parseEventLine } from './exported-event.ts';

/** What a file of events holds: written last, beside it. */
export interface ExportManifest {
  readonly format: 'millrace-export/1';
  readonly events: ExportFormat;
  readonly count: number;
  /** Position of the last event. */
  readonly head: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** How a log is exported. */
export interface ExportOptions {
  /** Default: `ndjson`. */
  readonly format?: ExportFormat;
  /** Goes on with a file that an interrupted export has left, without a manifest. */
  readonly resume?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

const EVENTS_PER_PAGE = 1_000;

/** The name of the manifest of a file of events. */
function exportManifestName(file: string): string {
  return `${file}.manifest.json`;
}

/**
 * Writes all events of a log to a file, one for each line, Millrace's own included, and then a manifest with its hash. Throws `ALREADY_EXISTS` when
 * there is such a file, but for one without a manifest when it is to be resumed.
 */
export async function exportLog(log: LogReader, file: string, options: ExportOptions = {}): Promise<ExportManifest> {
  const { format = 'ndjson', resume = false, onProgress } = options;
  const head = await log.head();
  const manifestFile = exportManifestName(file);
  if (existsSync(manifestFile) || (existsSync(file) && !resume)) throw taken(file, resume);
  let { after, count } = existsSync(file) ? await lastWhole(file) : { after: 0, count: 0 };
  const handle = await open(file, 'a');
  try {
    while (after < head) {
      const { events } = await log.readLog({ after, limit: Math.min(EVENTS_PER_PAGE, head - after) });
      if (events.length === 0) break;
      await handle.appendFile(events.map(event => `${eventLine(event, format)}\n`).join(''));
      after = events.at(-1)?.position ?? head;
      count += events.length;
      onProgress?.(after, head);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  const { bytes, sha256 } = await fileHash(file, () => undefined);
  const manifest: ExportManifest = { format: 'millrace-export/1', events: format, count, head, bytes, sha256 };
  await writeDurably(`${manifestFile}.new`, `${JSON.stringify(manifest, undefined, 2)}\n`);
  await rename(`${manifestFile}.new`, manifestFile);
  await sync(manifestFile);
  return manifest;
}

/** Throws `BACKUP_CORRUPT` when a file of events has a manifest and is not what that says; answers it. */
export async function checkExport(file: string): Promise<ExportManifest | undefined> {
  if (!existsSync(exportManifestName(file))) return undefined;
  const manifest = JSON.parse(await readFile(exportManifestName(file), 'utf8')) as ExportManifest;
  const { bytes, sha256 } = await fileHash(file, () => undefined);
  if (bytes === manifest.bytes && sha256 === manifest.sha256) return manifest;
  throw new MillraceError(
    'BACKUP_CORRUPT',
    `${file} is not what its manifest says: it has ${bytes} bytes (${manifest.bytes} were written) with another hash. Nothing was imported.`,
    { details: { file, bytes, expected: manifest.bytes } },
  );
}

/** Where the last whole line ends, behind which a half one is cut off. */
async function lastWhole(file: string): Promise<{ after: number; count: number }> {
  let [after, count, end] = [0, 0, 0];
  const text = createReadStream(file, 'utf8');
  const { size } = await open(file, 'r').then(handle => handle.stat().finally(() => handle.close()));
  for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
    const lineEnd = end + Buffer.byteLength(line) + 1;
    if (lineEnd > size) break;
    after = parseEventLine(line, { file, line: ++count }).position ?? 0;
    end = lineEnd;
  }
  await truncate(file, end);
  return { after, count };
}

function taken(file: string, resume: boolean): MillraceError {
  const why = resume
    ? 'It is whole: it has a manifest.'
    : 'To go on with an export that was interrupted, say so (--resume).';
  return new MillraceError('ALREADY_EXISTS', `${file} exists already. ${why} Otherwise name another file.`, {
    details: { file },
  });
}
