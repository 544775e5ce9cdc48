import { createLogger, openStorage, storeSchema, systemClock } from '../index.ts';
import type { PendingMigration } from '../storage/index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { shownStore } from './shown-store.ts';

/** What the commands for the tables of a store are told. */
export interface DatabaseFlags {
  readonly store: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Says how far the tables are; answers the exit code. */
export async function runStatus({ store }: DatabaseFlags, output: Output): Promise<number> {
  const { version, newest, pending } = await storeSchema(store);
  const steps = pending.map(({ version, name }) => ({ version, name }));
  output.result({ store: shownStore(store), version, newest, pending: steps }, () => [
    `${shownStore(store)} has schema version ${version === 0 ? '0: nothing is there yet' : version}`,
    ...steps.map(step => `  ${step.version}  ${step.name}  (to be applied)`),
  ]);
  if (pending.length === 0) return EXIT.ok;
  output.note(`This Millrace needs version ${newest}. Run: millrace db migrate --store ${shownStore(store)}`);
  return EXIT.checkFailed;
}

/** Brings the tables to the newest version, or only says how; answers the exit code. */
export async function runMigrate({ store, dryRun = false }: DatabaseFlags, output: Output): Promise<number> {
  const { version, newest, pending } = await storeSchema(store);
  if (dryRun) {
    output.result({ store: shownStore(store), version, newest, pending }, () =>
      pending.length === 0 ? [upToDate(store, newest)] : pending.flatMap(stepLines),
    );
    return EXIT.ok;
  }
  if (pending.length > 0) {
    // Opening a store applies what is pending, one process at a time, and asks again under the lock what that is.
    const storage = await openStorage(store, { clock: systemClock, logger: createLogger('error') });
    await storage.close();
  }
  const applied = pending.map(({ version, name }) => ({ version, name }));
  output.result({ store: shownStore(store), from: version, version: newest, applied }, () => [
    ...applied.map(step => `applied ${step.version}  ${step.name}`),
    upToDate(store, newest),
  ]);
  return EXIT.ok;
}

function stepLines({ version, name, sql }: PendingMigration): string[] {
  return [`-- ${version}  ${name}`, sql.trim(), ''];
}

function upToDate(store: string, version: number): string {
  return `${shownStore(store)} has schema version ${version}, which is the newest`;
}
