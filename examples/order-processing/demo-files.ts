import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError, openStorage, systemClock } from 'millrace';
import { type DemoOptions, decisive } from './demo-options.ts';

/** The files of one run of the demo. */
export interface DemoFiles {
  readonly store: string;
  readonly ledger: string;
}

const STORE = 'orders.db';
const LEDGER = 'services.db';
const OPTIONS = 'demo.json';
/** What SQLite and Millrace keep beside a database file. */
const COMPANIONS = ['', '-wal', '-shm', '-owner'];

/**
 * Prepares the folder of a run: an earlier one is continued with `resume`, and removed without. A run that was killed before
 * it had made its store is started over. Throws `INVALID_ARGUMENT` when the run was made with other options, or when files are in
 * the way that the demo has not made, `STORAGE_OWNED` while it still runs, `STORAGE_READ_ONLY` for a folder that cannot be written.
 */
export async function prepareFiles(options: DemoOptions): Promise<DemoFiles> {
  const { data, resume } = options;
  const files = { store: join(data, STORE), ledger: join(data, LEDGER) };
  const optionsFile = join(data, OPTIONS);
  try {
    mkdirSync(data, { recursive: true });
    if (existsSync(files.store) || existsSync(files.ledger)) assertOwn(optionsFile, data);
    if (existsSync(files.store)) {
      await assertUnowned(files.store);
      if (resume) return checkedOptions(optionsFile, options, files);
    }
    // The store goes first: without it there is nothing to resume, whatever else a kill leaves behind.
    for (const file of [files.store, files.ledger]) {
      for (const companion of COMPANIONS) rmSync(`${file}${companion}`, { force: true });
    }
    writeFileSync(`${optionsFile}.new`, textOf(options));
    renameSync(`${optionsFile}.new`, optionsFile);
    return files;
  } catch (thrown) {
    throw folderError(data, thrown);
  }
}

function textOf(options: DemoOptions): string {
  return `${JSON.stringify(decisive(options), null, 2)}\n`;
}

/** Databases of these names without a note of the demo beside them are somebody's own. */
function assertOwn(optionsFile: string, data: string): void {
  if (existsSync(optionsFile)) return;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `${data} holds ${STORE} or ${LEDGER}, but no run of the demo. Nothing was touched: name another folder with --data.`,
    { details: { data } },
  );
}

function checkedOptions(optionsFile: string, options: DemoOptions, files: DemoFiles): DemoFiles {
  const earlier = readFileSync(optionsFile, 'utf8');
  if (earlier === textOf(options)) return files;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `The run in ${options.data} was started with other options: ${earlier.replaceAll(/\s+/g, ' ').trim()}. Resume it with the same ones.`,
    { details: { data: options.data, earlier } },
  );
}

/** Says what an error of the file system means for the folder of a run. Other errors pass unchanged. */
function folderError(data: string, thrown: unknown): unknown {
  const { code } = thrown as { code?: string };
  const options = { cause: thrown, details: { data } };
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return new MillraceError('INVALID_ARGUMENT', `${data} is no folder. Name another one with --data.`, options);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const message = `The folder ${data} cannot be written (${code}). Make it writable, or name another one with --data.`;
    return new MillraceError('STORAGE_READ_ONLY', message, options);
  }
  if (code === 'ENOSPC') {
    return new MillraceError(
      'STORAGE_FULL',
      `The disk that holds ${data} is full. Free space and run it again.`,
      options,
    );
  }
  return thrown;
}

/** Fails while another process works on the store, before any of its files is removed. */
async function assertUnowned(store: string): Promise<void> {
  try {
    const storage = await openStorage(`sqlite:${store}`, { clock: systemClock, logger: console });
    await storage.close();
  } catch (thrown) {
    // A file that is no store any more may well be removed; one that is in use may not.
    if (thrown instanceof MillraceError && thrown.code === 'STORAGE_OWNED') throw thrown;
  }
}
