/**
 * Forgets a subject and says so; with a point, it is killed there: before or after its commits and before or after the erasing.
 * Usage: forgetting-process.ts <file> <keys of the environment> <subject> [<point>]
 */
import { writeSync } from 'node:fs';
import { silentTelemetry } from '../../src/core/index.ts';
import { createMillrace, openKeys, openStorage, systemClock } from '../../src/index.ts';
import type { Storage } from '../../src/storage/index.ts';

const [file = '', keys = '', subject = '', point = ''] = process.argv.slice(2);
const storage = await openStorage(`sqlite:${file}`, { clock: systemClock, logger: silentTelemetry.logger });
let commits = 0;
let armed = false;

function reach(label: string): void {
  if (armed && label === point) process.kill(process.pid, 'SIGKILL');
}

const watched: Storage = Object.assign(Object.create(storage) as Storage, {
  async commit(batch: Parameters<Storage['commit']>[0]) {
    const number = armed ? ++commits : 0;
    reach(`before-commit-${number}`);
    const result = await storage.commit(batch);
    reach(`after-commit-${number}`);
    return result;
  },
  async eraseDeleted() {
    reach('before-erase');
    await storage.eraseDeleted?.();
    reach('after-erase');
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

const app = await createMillrace({ store: watched, keys: openKeys(keys) });
armed = true;
writeSync(1, '{"ready":true}\n');
await app.keys.forget(subject, { reason: 'asked for it' });
writeSync(1, '{"forgotten":true}\n');
await app.close();
await storage.close();
