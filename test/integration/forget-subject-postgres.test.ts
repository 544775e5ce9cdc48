import { isForgotten, LocalKeys, type Millrace, type RecordedEvent } from 'millrace';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { secureBytes } from '../../src/core/index.ts';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { Joined, openSealed, secretOf } from './sealed-app.ts';

let server: PostgresServer;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server.stop());
}

const PEOPLE = 20;

async function emailOf(app: Millrace, number: number): Promise<unknown> {
  const [event] = (await app.events.readStream(`member-p${number}`)) as [RecordedEvent];
  return (event.data as { email: { open(): unknown } }).email.open();
}

describe('sensitive data in a store that processes share', needsPostgres, () => {
  test('gets one key for each subject, and is forgotten by all at once', { timeout: 120_000 }, async () => {
    const store = `${server.url}?schema=sealed_app`;
    const [k1, k2] = [secureBytes(32), secureBytes(32)];
    const open = async () => {
      const app = await openSealed(store, new LocalKeys({ current: 'k1', keys: { k1 } }));
      onTestFinished(() => app.close());
      return app;
    };
    const [one, two] = [await open(), await open()];
    const people = Array.from({ length: PEOPLE }, (_, number) => number);
    await Promise.all(
      people.flatMap(number =>
        [one, two].map(app =>
          app.append(`member-p${number}`, [Joined({ person: `p${number}`, email: secretOf(number) })]),
        ),
      ),
    );
    expect(await one.keys.status()).toEqual({ active: { k1: PEOPLE }, forgotten: 0, forgetting: 0 });
    for (const number of people) {
      expect(await emailOf(one, number)).toBe(secretOf(number));
      expect(await emailOf(two, number)).toBe(secretOf(number));
    }
    expect(await one.keys.forget('p3')).toMatchObject({ hadKey: true, erased: false });
    expect(isForgotten(await emailOf(two, 3))).toBe(true);
    await expect(two.append('member-x', [Joined({ person: 'p3', email: 'again' })])).rejects.toMatchObject({
      code: 'SUBJECT_FORGOTTEN',
    });
    const newer = await openSealed(store, new LocalKeys({ current: 'k2', keys: { k1, k2 } }));
    onTestFinished(() => newer.close());
    expect(await newer.keys.rotate()).toBe(PEOPLE - 1);
    expect(await newer.keys.status()).toEqual({ active: { k2: PEOPLE - 1 }, forgotten: 1, forgetting: 1 });
    expect(await emailOf(newer, 4)).toBe(secretOf(4));
  });
});
