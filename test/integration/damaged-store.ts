import { join } from 'node:path';
import { openSqlite } from 'millrace/sqlite';
import { verifyLog } from '../../src/operations/index.ts';
import type { Finding, VerifyOptions, VerifyReport } from '../../src/operations/log-verifier.ts';
import { openSqliteLog } from '../../src/sqlite/index.ts';
import { open } from '../../src/sqlite/sqlite-connection.ts';
import { sampleAppend, sampleEvents } from '../../src/testing/conformance/sample-event.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A closed store of 40 events in 20 groups, with tags and metadata, and the path of its file. */
export async function writtenStore(options: { hashChain?: boolean; commits?: number } = {}): Promise<string> {
  const { hashChain = true, commits = 20 } = options;
  const file = join(temporaryFolder(), 'store.db');
  const storage = await openSqlite({ file, hashChain });
  for (let n = 0; n < commits; n++) {
    const chosen = {
      data: JSON.stringify({ n, text: `event ${n} 🙂 `.repeat(1 + n) }),
      tags: [`customer:${n % 3}`],
      metadata: `{"correlationId":"c-${n}"}`,
      correlationId: `c-${n}`,
    };
    await storage.commit({
      appends: [
        sampleAppend(`a-${n % 4}`, 'any', sampleEvents(1, chosen)),
        sampleAppend(`b-${n % 3}`, 'any', sampleEvents(1, chosen)),
      ],
    });
  }
  await storage.close();
  return file;
}

/** Runs SQL on a closed store, as somebody would who has its file and no respect. */
export function tamper(file: string, sql: string): void {
  const database = open(file, {});
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

/** Checks the log of a file. */
export async function verified(file: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  const log = openSqliteLog(file);
  try {
    return await verifyLog(log, options);
  } finally {
    await log.close();
  }
}

/** The findings as kinds and the positions that they name. */
export function named(findings: readonly Finding[]): [string, number | null, number | null][] {
  return findings.map(({ kind, position, through }) => [kind, position, through]);
}
