import { HASH_BYTES, hexOf, isMillraceError, linkHash } from '../core/index.ts';
import type { AuditReader, ChainLink } from '../storage/index.ts';
import type { Findings } from './finding.ts';

const LINKS_PER_PAGE = 500;

/** Walks along the hash chain beside the records, checks each link, and tells what it holds of each position. */
export class ChainWalker {
  readonly #audit: AuditReader;
  readonly #findings: Findings;
  #page: readonly ChainLink[] = [];
  #next = 0;
  #current: ChainLink | undefined;
  #previous: ChainLink | undefined;

  constructor(audit: AuditReader, findings: Findings) {
    this.#audit = audit;
    this.#findings = findings;
  }

  /** The last link that was walked along. */
  get last(): ChainLink | undefined {
    return this.#current ?? this.#previous;
  }

  /** The hash that the chain holds of the record at a position, in hexadecimal digits; undefined where it holds none. Positions must rise. */
  async hashAt(position: number): Promise<string | undefined> {
    while (this.#current === undefined || this.#current.last < position) {
      if (!(await this.#advance())) return undefined;
    }
    const { first, records } = this.#current;
    if (position < first || !isWhole(this.#current)) return undefined;
    const offset = (position - first) * HASH_BYTES;
    return hexOf(records.subarray(offset, offset + HASH_BYTES));
  }

  /** Walks to the end of the chain. */
  async finish(): Promise<void> {
    while (await this.#advance());
  }

  async #advance(): Promise<boolean> {
    if (this.#next >= this.#page.length) {
      const after = this.last?.last ?? 0;
      this.#page = await this.#read(after);
      this.#next = 0;
      if (this.#page.length === 0) return false;
    }
    this.#previous = this.last;
    this.#current = this.#page[this.#next++] as ChainLink;
    this.#check(this.#current);
    return true;
  }

  async #read(after: number): Promise<readonly ChainLink[]> {
    try {
      return await this.#audit.readLinks({ after, limit: LINKS_PER_PAGE });
    } catch (thrown) {
      if (!isMillraceError(thrown, 'STORAGE_CORRUPT', 'STORAGE_UNAVAILABLE')) throw thrown;
      const message = `The links behind position ${after} cannot be read: ${thrown.message}`;
      this.#findings.add('link-broken', message, after + 1, null);
      return [];
    }
  }

  #check(link: ChainLink): void {
    const { first, last, records } = link;
    const previous = this.#previous;
    const where = `The link of positions ${first} to ${last}`;
    if (!isWhole(link)) {
      this.#findings.add('link-broken', `${where} does not hold one hash for each of them.`, first, last);
    } else if (first <= (previous?.last ?? 0)) {
      this.#findings.add('link-broken', `${where} overlaps the link before it.`, first, last);
    } else if (Buffer.compare(linkHash(hashOf(previous), first, last, records), link.hash) !== 0) {
      const before = previous === undefined ? 'the beginning' : `the link of ${previous.first} to ${previous.last}`;
      this.#findings.add(
        'link-broken',
        `${where} does not follow from ${before}: one of the two was changed, or links between them are gone.`,
        first,
        last,
      );
    }
  }
}

/** Whether a link is a link at all: what is damaged may hold anything. */
function isWhole({ first, last, hash, records }: ChainLink): boolean {
  if (!Number.isSafeInteger(first) || first < 1 || first > last) return false;
  if (!(hash instanceof Uint8Array) || !(records instanceof Uint8Array)) return false;
  return hash.length === HASH_BYTES && records.length === (last - first + 1) * HASH_BYTES;
}

function hashOf(link: ChainLink | undefined): Uint8Array | null {
  return link?.hash instanceof Uint8Array ? link.hash : null;
}
