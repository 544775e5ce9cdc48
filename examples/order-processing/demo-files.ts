import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
 * Prepares the folder of a run: an earlier one is continued with `resume`, and removed without. A store outside of the folder
 * is never emptied. Throws `INVALID_ARGUMENT` when there is nothing to resume, it was made with other options, or such a store
 * is not empty, `STORAGE_OWNED` while it still runs.
 */
export async function prepareFiles(options: DemoOptions): Promise<DemoFiles> {
  const { data } = options;
  const file = join(data, STORE);
  const files = { store: options.store ?? `sqlite:${file}`, ledger: join(data, LEDGER) };
  const optionsFile = join(data, OPTIONS);
  mkdirSync(data, { recursive: true });
  if (options.resume) {
    checkResumable(optionsFile, options);
    return files;
  }
  if (options.store !== undefined) await assertEmpty(options.store);
  else if (existsSync(file)) await assertUnowned(files.store);
  for (const old of [...(options.store === undefined ? [file] : []), files.ledger]) {
    for (const companion of COMPANIONS) rmSync(`${old}${companion}`, { force: true });
  }
  writeFileSync(optionsFile, `${JSON.stringify(decisive(options), null, 2)}\n`);
  return files;
}

function checkResumable(optionsFile: string, options: DemoOptions): void {
  if (!existsSync(optionsFile)) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `${options.data} holds no run of the demo to resume. Run the same command without --resume, or name its folder with --data.`,
      { details: { data: options.data } },
    );
  }
  const earlier = readFileSync(optionsFile, 'utf8');
  const wanted = `${JSON.stringify(decisive(options), null, 2)}\n`;
  if (earlier === wanted) return;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `The run in ${options.data} was started with other options: ${earlier.replaceAll(/\s+/g, ' ').trim()}. Resume it with the same ones.`,
    { details: { data: options.data, earlier: JSON.parse(earlier) } },
  );
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
