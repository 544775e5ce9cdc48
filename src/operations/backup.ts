import { existsSync } from 'node:fs';
import { copyFile, link, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Clock, MillraceError, systemClock } from '../core/index.ts';
import {
  type BackupManifest,
  fileHash,
  MANIFEST_FILE,
  manifestText,
  parseManifest,
  STORE_FILE,
} from './backup-manifest.ts';
import { sync, writeDurably } from './durable-file.ts';
import { type VerifyReport, verifyLog } from './log-verifier.ts';

/** What is being done: pages copied, events checked, bytes hashed. */
export type BackupStage = 'copy' | 'check' | 'hash';

/** How a backup is made, checked or restored. */
interface BackupOptions {
  readonly onProgress?: (stage: BackupStage, done: number, total: number) => void;
  readonly clock?: Pick<Clock, 'now'>;
  /** Pages that are copied in one go. Default: 1,024. */
  readonly pagesPerStep?: number;
}

/** What came of checking a backup. */
export interface BackupReport {
  readonly ok: boolean;
  readonly manifest: BackupManifest;
  /** What is wrong with its files, for a person. */
  readonly faults: readonly string[];
  /** What is wrong with the log in it; null when its files are not what was written, so that there was no sense in looking. */
  readonly log: VerifyReport | null;
}

/**
 * Copies a store into a new folder while its owner goes on appending, checks the copy, and writes a manifest with hashes. The folder
 * appears whole or not at all: what is interrupted leaves a folder with another name, and no manifest. Throws `ALREADY_EXISTS` when there is
 * such a folder, `STORAGE_CORRUPT` when the log is not what was written, and otherwise as `openSqlite` does.
 */
export async function createBackup(file: string, folder: string, options: BackupOptions = {}): Promise<BackupManifest> {
  const { onProgress = () => undefined, clock = systemClock, pagesPerStep } = options;
  const { copySqlite } = await import('../sqlite/index.ts');
  if (existsSync(folder)) throw taken(folder, 'A backup is never written over another one.');
  checkFolderOf(folder);
  const partial = await mkdtemp(`${resolve(folder)}.partial-`);
  try {
    const copy = join(partial, STORE_FILE);
    await copySqlite(file, copy, {
      onProgress: (done, total) => onProgress('copy', done, total),
      ...(pagesPerStep === undefined ? {} : { pagesPerStep }),
    });
    await sync(copy);
    const report = await checkedCopy(copy, (done, total) => onProgress('check', done, total));
    if (!report.ok) throw notWorthKeeping(file, report);
    const { size } = await stat(copy);
    const manifest: BackupManifest = {
      format: 'millrace-backup/1',
      createdAt: new Date(clock.now()).toISOString(),
      source: file,
      head: report.head,
      events: report.events,
      contentHash: report.contentHash,
      chain: report.chain,
      files: [{ name: STORE_FILE, ...(await fileHash(copy, done => onProgress('hash', done, size))) }],
    };
    await writeDurably(join(partial, MANIFEST_FILE), manifestText(manifest));
    await sync(partial);
    await rename(partial, folder);
    await sync(dirname(resolve(folder)));
    return manifest;
  } catch (thrown) {
    await rm(partial, { recursive: true, force: true });
    throw thrown;
  }
}

/**
 * Checks that a backup is what was written: its manifest, its files by their hashes, and its log as `verifyLog` does. Throws `NOT_FOUND` for a folder
 * that is no backup, and `BACKUP_CORRUPT` for a damaged manifest.
 */
export async function verifyBackup(folder: string, options: BackupOptions = {}): Promise<BackupReport> {
  const { onProgress = () => undefined } = options;
  const manifest = await readManifest(folder);
  const faults = await faultsOf(folder, manifest, onProgress);
  if (faults.length > 0) return { ok: false, manifest, faults, log: null };
  const log = await checkedCopy(join(folder, STORE_FILE), (done, total) => onProgress('check', done, total));
  if (log.contentHash !== manifest.contentHash) faults.push('The log in it is not the one that was copied.');
  return { ok: log.ok && faults.length === 0, manifest, faults, log };
}

/**
 * Makes a store of a backup, after checking its files by their hashes. The store appears whole or not at all. Throws `ALREADY_EXISTS` when there is a
 * file already, or what is left of one, and `BACKUP_CORRUPT` when a file of the backup is not what was written.
 */
export async function restoreBackup(
  folder: string,
  file: string,
  options: BackupOptions = {},
): Promise<BackupManifest> {
  const { onProgress = () => undefined } = options;
  const manifest = await readManifest(folder);
  const there = ['', '-wal', '-shm', '-journal'].map(suffix => `${file}${suffix}`).find(path => existsSync(path));
  if (there !== undefined) throw taken(there, 'A backup is never restored over a store.');
  checkFolderOf(file);
  const partial = await mkdtemp(`${resolve(file)}.restoring-`);
  try {
    const copy = join(partial, STORE_FILE);
    await copyFile(join(folder, STORE_FILE), copy);
    const faults = await faultsOf(partial, manifest, onProgress);
    if (faults.length > 0) throw corrupt(folder, faults);
    await sync(copy);
    // Fails when somebody has made a file of that name in the meantime; a rename would write over it.
    await link(copy, resolve(file)).catch(cause => {
      throw (cause as { code?: string }).code === 'EEXIST'
        ? taken(file, 'A backup is never restored over a store.')
        : cause;
    });
    await sync(dirname(resolve(file)));
    return manifest;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function readManifest(folder: string): Promise<BackupManifest> {
  let text: string;
  try {
    text = await readFile(join(folder, MANIFEST_FILE), 'utf8');
  } catch (cause) {
    const why = existsSync(folder)
      ? `there is no ${MANIFEST_FILE} in it, so that it never became whole`
      : 'there is no such folder';
    throw new MillraceError('NOT_FOUND', `${folder} is no backup: ${why}. Check the path.`, {
      cause,
      details: { folder },
    });
  }
  return parseManifest(text, folder);
}

async function faultsOf(
  folder: string,
  { files }: BackupManifest,
  onProgress: (stage: BackupStage, done: number, total: number) => void,
): Promise<string[]> {
  const faults: string[] = [];
  for (const { name, bytes, sha256 } of files) {
    // Names come from a file that anybody may have written.
    const path = join(folder, basename(name));
    if (!existsSync(path)) {
      faults.push(`${name} is missing.`);
      continue;
    }
    const found = await fileHash(path, done => onProgress('hash', done, bytes));
    if (found.bytes !== bytes) faults.push(`${name} has ${found.bytes} bytes instead of ${bytes}.`);
    else if (found.sha256 !== sha256) faults.push(`${name} is not what was written: its hash is another one.`);
  }
  return faults;
}

async function checkedCopy(file: string, onProgress: (done: number, total: number) => void): Promise<VerifyReport> {
  const { openSqliteLog } = await import('../sqlite/index.ts');
  const log = openSqliteLog(file);
  try {
    return await verifyLog(log, { onProgress });
  } finally {
    await log.close();
  }
}

function checkFolderOf(path: string): void {
  const folder = dirname(resolve(path));
  if (existsSync(folder)) return;
  throw new MillraceError('NOT_FOUND', `There is no folder ${folder}. Make it, or name another one.`, {
    details: { folder },
  });
}

function taken(path: string, why: string): MillraceError {
  return new MillraceError('ALREADY_EXISTS', `${path} exists already. ${why} Name another one, or move it away.`, {
    details: { path },
  });
}

function corrupt(folder: string, faults: readonly string[]): MillraceError {
  return new MillraceError('BACKUP_CORRUPT', `${folder} is damaged. ${faults.join(' ')} Nothing was restored.`, {
    details: { folder, faults },
  });
}

function notWorthKeeping(file: string, { found, findings }: VerifyReport): MillraceError {
  return new MillraceError(
    'STORAGE_CORRUPT',
    `${file} is not what was written to it (${found} findings; the first: ${findings[0]?.message}) No backup was made of it. See all of them with "millrace verify", and restore an earlier backup.`,
    { details: { file, found, findings: findings.slice(0, 20) } },
  );
}
