import { join } from 'node:path';
import {
  createMillrace,
  defineApp,
  isForgotten,
  LocalKeys,
  type Millrace,
  promoteStore,
  type RecordedEvent,
} from 'millrace';
import { expect, test } from 'vitest';
import { secureBytes } from '../../src/core/index.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { Joined, secretOf } from './sealed-app.ts';

async function emailOf(app: Millrace, number: number): Promise<unknown> {
  const [event] = (await app.events.readStream(`member-p${number}`)) as [RecordedEvent];
  return (event.data as { email: { open(): unknown } }).email.open();
}

test('a promoted secondary opens what was sealed, and knows who was forgotten while it was behind', async () => {
  const folder = temporaryFolder();
  const [store, standby] = ['old', 'standby'].map(name => `sqlite:${join(folder, `${name}.db`)}`) as [string, string];
  const keys = new LocalKeys({ current: 'k1', keys: { k1: secureBytes(32) } });
  const members = defineApp({ define: [Joined] });
  const alone = await createMillrace({ app: members, store, keys });
  for (const number of [1, 2]) {
    await alone.append(`member-p${number}`, [Joined({ person: `p${number}`, email: secretOf(number) })]);
  }
  // Nothing has been copied so far: the secondary sees the sealed event before it sees that its subject is forgotten.
  await alone.keys.forget('p2');
  await alone.close();
  const app = await createMillrace({ app: members, store, keys, secondaries: { standby } });
  const { position } = await app.append('member-p3', [Joined({ person: 'p3', email: secretOf(3) })]);
  await app.replication.replicated(position, 'standby');
  await app.close();
  await promoteStore(standby);
  const promoted = await createMillrace({ app: members, store: standby, keys });
  expect(await emailOf(promoted, 1)).toBe(secretOf(1));
  expect(isForgotten(await emailOf(promoted, 2))).toBe(true);
  expect(await emailOf(promoted, 3)).toBe(secretOf(3));
  await promoted.close();
});
