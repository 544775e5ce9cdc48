import { canonicalJson } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { StoredDocument } from '../storage/index.ts';

/** A document that two builds have differently; null where one has none. */
export interface DocumentDifference {
  readonly key: string;
  readonly live: unknown;
  readonly next: unknown;
}

/** How the documents of two builds differ. */
export interface BuildComparison {
  readonly projection: string;
  readonly live: { readonly build: string; readonly position: number; readonly documents: number };
  readonly next: { readonly build: string; readonly position: number; readonly documents: number };
  readonly same: number;
  readonly different: number;
  /** Documents that only one of them has. */
  readonly onlyLive: number;
  readonly onlyNext: number;
  /** The first differences by key, those of all three kinds. */
  readonly samples: readonly DocumentDifference[];
}

type Counts = { same: number; different: number; onlyLive: number; onlyNext: number };

const PAGE = 1_000;

/** Compares two collections document by document, in one pass over both. */
export async function compareCollections(
  { storage, keys }: Environment,
  [live, next]: readonly [string, string],
  samplesMax: number,
): Promise<Counts & { samples: DocumentDifference[] }> {
  const counts: Counts = { same: 0, different: 0, onlyLive: 0, onlyNext: 0 };
  const samples: DocumentDifference[] = [];
  const one = documentsOf(storage.documents, live);
  const other = documentsOf(storage.documents, next);
  let [left, right] = [await one.next(), await other.next()];
  while (!left.done || !right.done) {
    const order = left.done ? 1 : right.done ? -1 : byCodePoint(left.value.key, right.value.key);
    const [leftBody, rightBody] = [
      order <= 0 ? left.value?.body : undefined,
      order >= 0 ? right.value?.body : undefined,
    ];
    const key = (order <= 0 ? left.value?.key : right.value?.key) as string;
    const kind = order < 0 ? 'onlyLive' : order > 0 ? 'onlyNext' : sameJson(leftBody, rightBody) ? 'same' : 'different';
    counts[kind]++;
    if (kind !== 'same' && samples.length < samplesMax) {
      const parse = async (body: string | undefined): Promise<unknown> =>
        body === undefined ? null : keys.parse(body);
      samples.push({ key, live: await parse(leftBody), next: await parse(rightBody) });
    }
    if (order <= 0) left = await one.next();
    if (order >= 0) right = await other.next();
  }
  return { ...counts, samples };
}

async function* documentsOf(
  documents: Environment['storage']['documents'],
  collection: string,
): AsyncGenerator<StoredDocument, undefined> {
  for (let after: { key: string } | undefined; ; ) {
    const page = await documents.query(collection, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return undefined;
    after = { key: last.key };
  }
}

function sameJson(one: string | undefined, other: string | undefined): boolean {
  return one === other || canonicalJson(JSON.parse(one as string)) === canonicalJson(JSON.parse(other as string));
}

/** The order of keys in a storage: that of their UTF-8 bytes. */
function byCodePoint(one: string, other: string): number {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other));
}
