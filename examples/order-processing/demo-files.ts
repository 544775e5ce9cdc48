import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
 * Prepares the folder of a run: an earlier one is continued with `resume`, and removed without. Throws `INVALID_ARGUMENT` when
 * there is nothing to resume or it was made with other options, `STORAGE_OWNED` while it still runs.
 */
export async function prepareFiles(options: DemoOptions): Promise<DemoFiles> {
  const { data } = options;
  const files = { store: join(data, STORE), ledger: join(data, LEDGER) };
  const optionsFile = join(data, OPTIONS);
  mkdirSync(data, { recursive: true });
  if (options.resume) {
    checkResumable(optionsFile, options);
    return files;
  }
  if (existsSync(files.store)) await assertUnowned(files.store);
  for (const file of [files.store, files.ledger]) {
    for (const companion of COMPANIONS) rmSync(`${file}${companion}`, { force: true });
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
