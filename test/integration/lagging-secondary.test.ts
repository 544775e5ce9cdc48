import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createKeyFile,
  createMillrace,
  defineApp,
  isForgotten,
  type Millrace,
  openKeys,
  promoteStore,
  type RecordedEvent,
} from 'millrace';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { runCount, seed } from '../runs.ts';
import { NodeProcess } from './node-process.ts';
import { Joined, secretOf } from './sealed-app.ts';
import { temporaryFolder } from './temporary-folder.ts';

const chosen = seed();
const POINTS = ['before-commit', 'after-commit', 'before-erase', 'after-erase', 'none'];
const members = defineApp({ define: [Joined] });

/** All that is in the files of a folder, free pages and write-ahead logs included. */
function allBytes(folder: string): Buffer {
  const files = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isFile());
  return Buffer.concat(files.map(file => readFileSync(join(file.parentPath, file.name))));
}

async function emailOf(app: Millrace, number: number): Promise<unknown> {
  const [event] = (await app.events.readStream(`member-p${number}`)) as [RecordedEvent];
  return (event.data as { email: { open(): unknown } }).email.open();
}

/** The wrapped key of a subject, as the store keeps it. */
async function wrappedKey(app: Millrace, number: number): Promise<string> {
  const [stored] = await app.storage.log.readStream(`member-p${number}`);
  const { key } = JSON.parse(stored?.data as string).$sealed as { key: string };
  const body = await app.storage.documents.get('$keys', `$key-${key}`);
  return (JSON.parse(body as string) as { key: string }).key;
}

async function* storedEvents({ storage }: Millrace) {
  for (let after = 0; ; ) {
    const { events, through } = await storage.log.readLog({ after, limit: 1_000 });
    if (events.length === 0) return;
    yield* events;
    after = through;
  }
}

test(`a secondary that was behind when subjects were forgotten never opens them, and holds nothing of their keys once it has heard, wherever it is killed (seed ${chosen})`, {
  timeout: 1_800_000,
}, async () => {
  const rounds = runCount(POINTS.length, 200);
  const chance = seededRandom(chosen);
  const [primaryFolder, folder, secrets] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const [store, standby] = [`sqlite:${join(primaryFolder, 'old.db')}`, `sqlite:${join(folder, 'standby.db')}`];
  createKeyFile(join(secrets, 'keys.json'), 'k1');
  const location = `file:${join(secrets, 'keys.json')}`;
  const open = (secondaries?: Record<string, string>) =>
    createMillrace({ app: members, store, keys: openKeys(location), ...(secondaries && { secondaries }) });
  const catchUp = async (look: () => void = () => undefined): Promise<void> => {
    const app = await open({ standby });
    await app.replication.replicated(await app.storage.log.head(), 'standby', { timeout: '30s' });
    await expect.poll(() => app.replication.statuses()[0]?.state).toBe('live');
    look();
    await app.close();
  };
  let keptWhileBehind = 0;
  for (let round = 0; round < rounds; round++) {
    const point = round < POINTS.length ? POINTS[round] : POINTS[chance.uint32() % POINTS.length];
    const joining = await open();
    for (const number of [2 * round, 2 * round + 1]) {
      await joining.append(`member-p${number}`, [Joined({ person: `p${number}`, email: secretOf(number) })]);
    }
    // Half of the time the secondary has the key when it is destroyed; otherwise it sees what was sealed when it is too late.
    if (round % 2 === 0) {
      await joining.close();
      await catchUp();
    }
    const app = round % 2 === 0 ? await open() : joining;
    const key = await wrappedKey(app, 2 * round);
    await app.keys.forget(`p${2 * round}`);
    await app.close();
    if (allBytes(folder).includes(key)) keptWhileBehind++;
    const process = new NodeProcess('lagging-secondary-process', [store, standby, location, point ?? '']);
    await process.ended();
    if (point === 'none' || point === 'after-erase') expect(allBytes(folder).includes(key), point).toBe(false);
    await catchUp(() => expect(allBytes(folder).includes(key), `${point}, afterwards`).toBe(false));
  }
  expect(keptWhileBehind).toBeGreaterThan(0);
  console.info(
    `${rounds} rounds; ${keptWhileBehind} times the secondary held the key until it heard that it is destroyed`,
  );
  await promoteStore(standby);
  const promoted = await createMillrace({ app: members, store: standby, keys: openKeys(location) });
  for (let round = 0; round < rounds; round++) {
    expect(isForgotten(await emailOf(promoted, 2 * round))).toBe(true);
    expect(await emailOf(promoted, 2 * round + 1)).toBe(secretOf(2 * round + 1));
  }
  // The key of a subject stands before all that is sealed under it, so that whoever follows the log has it when it is needed.
  const created = new Set<string>();
  for await (const stored of storedEvents(promoted)) {
    if (stored.type === 'DataKeyCreated') created.add(stored.stream);
    const sealed = (JSON.parse(stored.data) as { email?: { $sealed?: { key: string } } }).email?.$sealed;
    if (sealed !== undefined) expect(created).toContain(`$key-${sealed.key}`);
  }
  expect(created.size).toBe(2 * rounds);
  await expect(promoted.append('member-x', [Joined({ person: 'p0', email: 'again' })])).rejects.toMatchObject({
    code: 'SUBJECT_FORGOTTEN',
  });
  await promoted.close();
});
