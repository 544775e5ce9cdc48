import assert from 'node:assert/strict';
import { HASH_BYTES, hexOf, linkHash, recordChecksum, recordText, sha256 } from '../../core/index.ts';
import type { ChainLink, Storage, StoredRecord } from '../../storage/index.ts';
import type { ConformanceSlice } from './conformance-slice.ts';
import { outcomeOf } from './refusal.ts';
import { sampleAppend, sampleEvents } from './sample-event.ts';

/** Checksums, the hash chain, and what a backend says of its own structure. */
export const auditConformance: ConformanceSlice = {
  name: 'audit',
  tests: {
    'has nothing to say of an empty log': async ({ storage: { audit } }) => {
      assert.deepEqual(await audit.readRecords({ after: 0, limit: 10 }), []);
      assert.deepEqual(await audit.readLinks({ after: 0, limit: 10 }), []);
      assert.equal(await audit.lastLink(), undefined);
      assert.deepEqual(await audit.inspect(), []);
    },

    'gives every event a checksum of all that it holds, or none at all': async ({ storage }) => {
      await fill(storage);
      const all = await records(storage);
      const none = all.every(({ checksum }) => checksum === null);
      for (const record of all) assert.equal(record.checksum, none ? null : recordChecksum(textOf(record)));
    },

    'shows the same events as the log, with the copies that indexes hold': async ({ storage }) => {
      await fill(storage);
      const { events } = await storage.log.readLog({ after: 0, limit: 1_000 });
      const shown = (await records(storage)).map(({ checksum, correlationId, causationId, ...event }) => {
        assert.deepEqual([correlationId, causationId], event.metadata === null ? [null, null] : ['c-1', 'e-1']);
        return event;
      });
      assert.deepEqual(shown, events);
      assert.deepEqual(
        (await storage.audit.readRecords({ after: 2, limit: 3 })).map(each => each.position),
        [3, 4, 5],
      );
    },

    'links every event once, in order, to all that was committed before': async ({ storage }) => {
      await fill(storage);
      const links = await storage.audit.readLinks({ after: 0, limit: 1_000 });
      const texts = (await records(storage)).map(textOf);
      let previous: ChainLink | undefined;
      for (const link of links) {
        assert.equal(link.first, (previous?.last ?? 0) + 1);
        assert.equal(link.records.length, (link.last - link.first + 1) * HASH_BYTES);
        const hashes = texts.slice(link.first - 1, link.last).map(sha256);
        assert.equal(hexOf(link.records), hashes.join(''));
        assert.deepEqual(Buffer.from(link.hash), linkHash(previous?.hash ?? null, link.first, link.last, link.records));
        previous = link;
      }
      assert.equal(previous?.last, texts.length);
      assert.deepEqual((await storage.audit.lastLink())?.last, texts.length);
      const [first] = links as [ChainLink];
      assert.deepEqual((await storage.audit.lastLink(first.last))?.hash, first.hash);
      assert.deepEqual(await storage.audit.lastLink(first.first - 1), undefined);
      assert.deepEqual((await storage.audit.readLinks({ after: first.last, limit: 1 }))[0], links[1]);
    },

    'links nothing of batches that were refused': async ({ storage }) => {
      const commits = Array.from({ length: 30 }, (_, n) =>
        outcomeOf(storage.commit({ appends: [sampleAppend('a-1', n % 3 === 0 ? 'noStream' : 'any')] })),
      );
      await Promise.all(commits);
      const links = await storage.audit.readLinks({ after: 0, limit: 1_000 });
      assert.equal(links.at(-1)?.last, await storage.log.head());
      assert.equal(
        links.reduce((sum, { records }) => sum + records.length / HASH_BYTES, 0),
        await storage.log.head(),
      );
    },

    'finds nothing wrong with its own structure': async ({ storage }) => {
      await fill(storage);
      assert.deepEqual(await storage.audit.inspect(), []);
    },
  },
  reopening: {
    'goes on with the chain where it ended': async context => {
      await fill(context.storage);
      const before = await context.storage.audit.lastLink();
      await context.reopen();
      await context.commit({ appends: [sampleAppend('later-1')] });
      const link = (await context.storage.audit.lastLink()) as ChainLink;
      assert.equal(link.first, (before?.last ?? 0) + 1);
      assert.deepEqual(Buffer.from(link.hash), linkHash(before?.hash ?? null, link.first, link.last, link.records));
    },
  },
};

async function fill(storage: Storage): Promise<void> {
  const named = { metadata: '{"correlationId":"c-1","causationId":"e-1"}', correlationId: 'c-1', causationId: 'e-1' };
  await storage.commit({ appends: [sampleAppend('a-1', 'any', sampleEvents(3)), sampleAppend('日本-🙂')] });
  await storage.commit({ appends: [sampleAppend('a-1', 2, sampleEvents(2, named))] });
  const tagged = sampleEvents(2, { tags: ['customer:7', 'ü'], occurredAt: 1_234, data: '{"ä":"\\u0000 \\ud83d 🙂"}' });
  await Promise.all([
    storage.commit({ appends: [sampleAppend('b-1', 'any', tagged)] }),
    storage.commit({ appends: [sampleAppend('c-1')] }),
  ]);
}

function records(storage: Storage): Promise<readonly StoredRecord[]> {
  return storage.audit.readRecords({ after: 0, limit: 1_000 });
}

function textOf(record: StoredRecord): string {
  return recordText(record, record, record.tags.length === 0 ? null : JSON.stringify(record.tags));
}
