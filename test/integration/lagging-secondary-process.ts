/**
 * Brings a secondary up to date with a store in which subjects were forgotten meanwhile, and is killed at a point: before or after the
 * commit to the secondary that tells of the first of them, or before or after the erasing that follows.
 * Usage: lagging-secondary-process.ts <store> <secondary> <keys> <point>
 */
import { silentTelemetry } from '../../src/core/index.ts';
import { createMillrace, openKeys, openStorage, systemClock } from '../../src/index.ts';
import type { Storage } from '../../src/storage/index.ts';

const [store = '', secondary = '', keys = '', point = ''] = process.argv.slice(2);
const storage = await openStorage(secondary, { clock: systemClock, logger: silentTelemetry.logger });
let tells = false;

function reach(label: string): void {
  if (label === point) process.kill(process.pid, 'SIGKILL');
}

const watched: Storage = Object.assign(Object.create(storage) as Storage, {
  async commit(batch: Parameters<Storage['commit']>[0]) {
    tells ||= (batch.appends ?? []).some(({ events }) => events.some(({ type }) => type === 'SubjectForgotten'));
    if (tells) reach('before-commit');
    const result = await storage.commit(batch);
    if (tells) reach('after-commit');
    return result;
  },
  async eraseDeleted() {
    if (tells) reach('before-erase');
    await storage.eraseDeleted?.();
    if (tells) reach('after-erase');
  },
  capabilities: storage.capabilities,
  log: storage.log,
  documents: storage.documents,
  cursors: storage.cursors,
  work: storage.work,
  topics: storage.topics,
  watch: storage.watch.bind(storage),
  announce: storage.announce.bind(storage),
  close: storage.close.bind(storage),
});

const app = await createMillrace({ store, keys: openKeys(keys), secondaries: { standby: watched } });
await app.replication.replicated(await app.storage.log.head(), 'standby', { timeout: '30s' });
await app.close();
