import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError, openStorage, systemClock } from 'millrace';
import { type DemoOptions, decisive } from './demo-options.ts';

/** The files of one run of the demo. */
export interface DemoFiles {
  /** URL of the store. */
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
 * it had made its store is started over. A store outside of the folder is never emptied. Throws `INVALID_ARGUMENT` when the run was made with other options, or when files are in
 * the way that the demo has not made, or a store is not empty that is not its own, `STORAGE_OWNED` while it still runs, `STORAGE_READ_ONLY` for a folder that cannot be written.
 */
export async function prepareFiles(options: DemoOptions): Promise<DemoFiles> {
  const { data, resume } = options;
  const file = join(data, STORE);
  const files = { store: options.store ?? `sqlite:${file}`, ledger: join(data, LEDGER) };
  const optionsFile = join(data, OPTIONS);
  try {
    mkdirSync(data, { recursive: true });
    if (existsSync(file) || existsSync(files.ledger)) assertOwn(optionsFile, data);
    const begun = existsSync(options.store === undefined ? file : optionsFile);
    if (begun && options.store === undefined) await assertUnowned(files.store);
    if (begun && resume) return checkedOptions(optionsFile, options, files);
    if (options.store !== undefined) await assertEmpty(options.store);
    // The store goes first: without it there is nothing to resume, whatever else a kill leaves behind.
    for (const old of options.store === undefined ? [file, files.ledger] : [files.ledger]) {
      for (const companion of COMPANIONS) rmSync(`${old}${companion}`, { force: true });
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

/** Fails when a store that is not the demo's own holds something: it may be somebody's work. */
async function assertEmpty(store: string): Promise<void> {
  const storage = await openStorage(store, { clock: systemClock, logger: console });
  try {
    const head = await storage.log.head();
    if (head === 0) return;
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `The store holds ${head} events already, and the demo empties no store but its own file. Name an empty one, such as another schema (?schema=demo_2), or go on with --resume.`,
      { details: { head } },
    );
  } finally {
    await storage.close();
  }
}

/** Fails while another process works on the store, before any of its files is removed. */
async function assertUnowned(store: string): Promise<void> {
  try {
    const storage = await openStorage(store, { clock: systemClock, logger: console });
    await storage.close();
  } catch (thrown) {
    // A file that is no store any more may well be removed; one that is in use may not.
    if (thrown instanceof MillraceError && thrown.code === 'STORAGE_OWNED') throw thrown;
  }
}
