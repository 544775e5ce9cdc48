import { MillraceError } from '../core/index.ts';
import type { DocumentReader } from '../storage/index.ts';
import type { Saga } from './saga-definition.ts';
import { kindOf, SAGA_INDEX, summaryIn } from './saga-index.ts';
import { isSettled } from './saga-state.ts';

/**
 * Throws `SAGA_NOT_DEFINED` when sagas are live that were started with a version which their type does not have any more: nobody could go
 * on with them. Types that are not defined at all are left alone.
 */
export async function checkLiveVersions(
  documents: DocumentReader,
  versionsOf: (type: string) => ReadonlyMap<number, Saga> | undefined,
): Promise<void> {
  for (const [value, count] of await documents.countBy(SAGA_INDEX.name, 'typeAndStatus')) {
    const { type, version, status } = kindOf(value);
    const versions = versionsOf(type);
    const isLive = !isSettled(status) || status === 'PARKED' || status === 'COMPENSATION_FAILED';
    if (versions === undefined || versions.has(version) || !isLive || count === 0) continue;
    // Before it named versions, the index held those of every version together.
    const [row] = await documents.query(SAGA_INDEX.name, { where: { typeAndStatus: value }, limit: 1 });
    if (row === undefined || versions.has(summaryIn(row.body).version)) continue;
    const known = [...versions.keys()];
    throw new MillraceError(
      'SAGA_NOT_DEFINED',
      `${count} sagas ${type} of version ${version} are ${status}, and this program has ${known.join(', ')}. Keep a version until its sagas have ended, or end them first.`,
      { details: { type, version, status, count, known } },
    );
  }
}
