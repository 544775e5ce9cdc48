/**
 * Commits in each group a batch that rests on a stream as it is, between two that do not, until it is killed. Says the revision of each that
 * was answered. Usage: rivalling-process.ts <file> <inline|thread>
 */
import { writeSync } from 'node:fs';
import { openSqlite } from '../../src/sqlite/index.ts';
import { sampleAppend, sampleEvent } from '../../src/testing/conformance/sample-event.ts';

const [file = '', writer] = process.argv.slice(2);
const storage = await openSqlite({ file, writer: writer === 'thread' ? 'thread' : 'inline' });

async function refused(revision: number): Promise<void> {
  const committed = await storage
    .commit({ appends: [sampleAppend('a-1', revision, [sampleEvent({ type: 'Stale' })])] })
    .then(
      () => true,
      () => false,
    );
  if (committed) writeSync(1, '{"stale":true}\n');
}

for (let next = (await storage.log.streamRevision('a-1')) + 1; ; next++) {
  const right = sampleAppend('a-1', next === 0 ? 'noStream' : next - 1, [
    sampleEvent({ type: 'Right', data: JSON.stringify({ next }) }),
  ]);
  await Promise.all([refused(next + 5), storage.commit({ appends: [right] }), refused(next - 1)]);
  writeSync(1, `${JSON.stringify({ next })}\n`);
}
