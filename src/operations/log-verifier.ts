import { createHash } from 'node:crypto';
import { hexOf, isMillraceError, messageOf, recordChecksum, recordText, sha256 } from '../core/index.ts';
import { SCAVENGED_DATA, type Storage, type StoredRecord } from '../storage/index.ts';
import { ChainWalker } from './chain-walker.ts';
import { type Finding, type FindingKind, Findings } from './finding.ts';
import { type LogCheckpoint, signatureFault } from './log-checkpoint.ts';
import { ScavengedRecords } from './scavenged-records.ts';
import { ToldStreams } from './told-streams.ts';

export type { Finding, FindingKind };

/** What a log is checked by. */
export interface VerifyOptions {
  /** Statements of where the log stood once. */
  readonly checkpoints?: readonly LogCheckpoint[];
  /** Public Ed25519 key in PEM that they must have been signed with. Default: signatures are not checked. */
  readonly publicKey?: string;
  /** Whether the backend checks its tables, indexes and pages as well, which reads all of them. Default: true. */
  readonly structure?: boolean;
  /** Hears now and then how many positions have been looked at, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What came of checking a log. */
export interface VerifyReport {
  /** Nothing was found. */
  readonly ok: boolean;
  /** Position of the last event that was looked at. */
  readonly head: number;
  readonly events: number;
  readonly streams: number;
  /** Events without a checksum or not in the chain: written before there were any, or while the chain was turned off. */
  readonly unchecked: number;
  readonly unlinked: number;
  /** SHA-256 over the hashes of all records in order: equal for two logs that hold the same events at the same positions. */
  readonly contentHash: string;
  /** The end of the chain; null when there is none. */
  readonly chain: { readonly position: number; readonly hash: string } | null;
  /** The first 1,000 of what was found. */
  readonly findings: readonly Finding[];
  /** How much was found in all. */
  readonly found: number;
}

const RECORDS_PER_PAGE = 500;
/** Changed records among which those that only changed places are looked for. */
const MOVED_MAX = 200;
/** After so much that is wrong, what cannot be read is not looked through any further. */
const UNREADABLE_MAX = 50_000;

/**
 * Checks a whole log: checksums, the hash chain, gaps, revisions, what indexes say, and what the backend says of its own file. Finds what
 * was edited, deleted, moved, put in or cut off, and names the positions. Someone who can write to the store can make the chain
 * anew from the place of a change on, and can cut the log off: only checkpoints that were kept elsewhere show that.
 */
export async function verifyLog(
  { log, audit }: Pick<Storage, 'log' | 'audit'>,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  return new LogVerifier({ log, audit }, options).run();
}

/** Of how many missing events in a row the hashes of the chain are looked up. */
const MISSING_HASHED_MAX = 1_000_000;

class LogVerifier {
  readonly #source: Pick<Storage, 'log' | 'audit'>;
  readonly #options: VerifyOptions;
  readonly #findings = new Findings();
  readonly #chain: ChainWalker;
  readonly #revisions = new Map<string, number>();
  readonly #content = createHash('sha256');
  readonly #changed: { record: StoredRecord; linked: string }[] = [];
  readonly #scavenged = new ScavengedRecords();
  readonly #told = new ToldStreams();
  #events = 0;
  #unchecked = 0;
  #linkedEvents = 0;

  constructor(source: Pick<Storage, 'log' | 'audit'>, options: VerifyOptions) {
    this.#source = source;
    this.#options = options;
    this.#chain = new ChainWalker(source.audit, this.#findings);
  }

  async run(): Promise<VerifyReport> {
    const head = await this.#source.log.head();
    if (this.#options.structure !== false) await this.#structure();
    let position = 0;
    for await (const record of this.#records(head)) {
      await this.#missing(position + 1, record.position - 1);
      position = record.position;
      await this.#check(record);
      if (position % RECORDS_PER_PAGE === 0) this.#options.onProgress?.(position, head);
    }
    await this.#end(position);
    this.#tellMoved();
    this.#tellScavenged();
    await this.#streamHeads(head);
    for (const checkpoint of this.#options.checkpoints ?? []) await this.#checkpoint(checkpoint, head);
    this.#options.onProgress?.(head, head);
    return this.#report(position);
  }

  #report(head: number): VerifyReport {
    const { last } = this.#chain;
    return {
      ok: this.#findings.total === 0,
      head,
      events: this.#events,
      streams: this.#revisions.size,
      unchecked: this.#unchecked,
      unlinked: this.#events - this.#linkedEvents,
      contentHash: this.#content.digest('hex'),
      chain:
        last === undefined || !(last.hash instanceof Uint8Array)
          ? null
          : { position: last.last, hash: hexOf(last.hash) },
      findings: this.#findings.kept,
      found: this.#findings.total,
    };
  }

  async *#records(head: number): AsyncGenerator<StoredRecord> {
    const { audit } = this.#source;
    for (let after = 0; after < head; ) {
      let page: readonly StoredRecord[];
      try {
        page = await audit.readRecords({ after, limit: RECORDS_PER_PAGE });
      } catch (thrown) {
        if (!isMillraceError(thrown, 'STORAGE_CORRUPT', 'STORAGE_UNAVAILABLE')) throw thrown;
        if (this.#findings.total > UNREADABLE_MAX) return;
        const through = Math.min(after + RECORDS_PER_PAGE, head);
        yield* this.#oneByOne(after, through);
        after = through;
        continue;
      }
      yield* page.filter(({ position }) => position <= head);
      const last = page.at(-1)?.position ?? head;
      // In a damaged table positions may fall; what lies behind them cannot be reached.
      if (page.length === 0 || last <= after) return;
      after = last;
    }
  }

  /** What can still be read of a range in which something cannot. */
  async *#oneByOne(after: number, through: number): AsyncGenerator<StoredRecord> {
    for (let position = after + 1; position <= through; position++) {
      try {
        const [record] = await this.#source.audit.readRecords({ after: position - 1, limit: 1 });
        if (record?.position === position) yield record;
      } catch (thrown) {
        const message = `The event at position ${position} cannot be read: ${messageOf(thrown)}`;
        this.#findings.add('record-unreadable', message, position);
      }
    }
  }

  async #check(record: StoredRecord): Promise<void> {
    const { position } = record;
    this.#events++;
    const text = readableText(record);
    const damaged = text === undefined || (record.checksum !== null && recordChecksum(text) !== record.checksum);
    if (record.checksum === null) this.#unchecked++;
    if (damaged)
      this.#findings.add('record-damaged', `${named(record)} is damaged: its checksum does not fit.`, position);
    const linked = await this.#chain.hashAt(position);
    if (linked !== undefined) this.#linkedEvents++;
    const hash = text === undefined ? undefined : sha256(text);
    this.#content.update(hash ?? linked ?? '', 'hex');
    if (damaged) return this.#passOver(record);
    this.#scavenged.saw(record);
    this.#told.saw(record);
    if (record.data === SCAVENGED_DATA && hash !== linked) {
      this.#scavenged.add(position);
    } else if (linked !== undefined && hash !== linked) {
      this.#changed.push({ record, linked });
    }
    this.#checkRevision(record);
    this.#checkCopies(record);
  }

  /** What is damaged is named once; the next event of its stream is not wrong for it. */
  #passOver({ stream, revision }: StoredRecord): void {
    if (revision === (this.#revisions.get(stream) ?? -1) + 1) this.#revisions.set(stream, revision);
  }

  #checkRevision(record: StoredRecord): void {
    const { stream, revision, position } = record;
    const expected = (this.#revisions.get(stream) ?? -1) + 1;
    this.#revisions.set(stream, revision);
    if (revision === expected) return;
    const message = `${named(record)} has revision ${revision} where ${expected} comes next.`;
    this.#findings.add('revision-wrong', message, position);
  }

  /** Indexes hold copies of what the metadata says. */
  #checkCopies(record: StoredRecord): void {
    const metadata = metadataOf(record.metadata);
    for (const name of ['correlationId', 'causationId'] as const) {
      const said = metadata?.[name];
      if (typeof said !== 'string' || record[name] === said) continue;
      const message = `${named(record)} is found by the ${name} ${record[name]}, but its metadata says ${said}.`;
      this.#findings.add('index-wrong', message, record.position);
    }
  }

  async #missing(from: number, through: number): Promise<void> {
    if (from > through) return;
    // A damaged number may lie very far behind; the chain goes no further than what was committed.
    for (let position = from; position <= Math.min(through, from + MISSING_HASHED_MAX); position++) {
      const linked = await this.#chain.hashAt(position);
      if (linked !== undefined) this.#content.update(linked, 'hex');
      // Behind the end of the chain nothing is known of what is gone.
      else if (position > (this.#chain.last?.last ?? 0)) break;
    }
    const message =
      from === through
        ? `The event at position ${from} is gone.`
        : `The events at positions ${from} to ${through} are gone.`;
    this.#findings.add('position-missing', message, from, through);
  }

  async #end(last: number): Promise<void> {
    // What the chain still speaks of, behind the last event, is gone; what has been committed since the head was taken is not.
    await this.#chain.hashAt(last + 1);
    const [record] = await this.#source.audit.readRecords({ after: last, limit: 1 }).catch(() => [undefined]);
    const reached = this.#chain.last?.last ?? 0;
    if (reached <= last || record !== undefined) return;
    await this.#chain.finish();
    const through = this.#chain.last?.last ?? reached;
    const message = `The log ends at position ${last}, but its chain goes on to ${through}: the events behind it were cut off.`;
    this.#findings.add('log-truncated', message, last + 1, through);
  }

  /** Records that are not what was linked: changed, unless they are what was linked somewhere else. */
  #tellMoved(): void {
    const among = this.#changed.slice(0, MOVED_MAX);
    for (const { record } of this.#changed) {
      const from = among.find(({ record: other, linked }) => isLinkedAt(record, other, linked));
      if (from === undefined) {
        const message = `${named(record)} was changed after it was committed: the chain holds another hash of it.`;
        this.#findings.add('record-changed', message, record.position);
      } else {
        const message = `${named(record)} was moved: it was committed at position ${from.record.position}.`;
        this.#findings.add('record-moved', message, record.position);
      }
    }
  }

  /** Content may be gone where a scavenge says so, and nowhere else. */
  #tellScavenged(): void {
    for (const [first, last] of this.#scavenged.unnamed()) {
      const where = first === last ? `event at position ${first}` : `events at positions ${first} to ${last}`;
      const message = `The content of the ${where} is gone, and no scavenge names it.`;
      this.#findings.add('record-changed', message, first, last);
    }
  }

  async #streamHeads(head: number): Promise<void> {
    const isAsSeen = (await this.#source.log.head()) === head;
    for (const [stream, revision] of this.#revisions) {
      const found = await this.#source.log.stream(stream).catch(messageOf);
      // What has been committed since may have changed it.
      if (typeof found === 'object' && isAsSeen) {
        const contradicted = this.#told.contradicted(found);
        if (contradicted !== undefined) this.#findings.add('index-wrong', `Stream ${stream} ${contradicted}.`);
      }
      // A stream may have gone on since its end was looked at.
      const end = typeof found === 'object' ? found.revision : (found ?? -1);
      if (typeof end === 'number' && end >= revision) continue;
      this.#findings.add('index-wrong', `Stream ${stream} ends at revision ${revision}, but its index says ${end}.`);
    }
  }

  async #structure(): Promise<void> {
    for (const { message, position } of await this.#source.audit.inspect()) {
      this.#findings.add('structure', message, position ?? null);
    }
  }

  async #checkpoint(checkpoint: LogCheckpoint, head: number): Promise<void> {
    const { publicKey } = this.#options;
    const { position, hash, signedAt } = checkpoint;
    const what = `The checkpoint of ${signedAt} for position ${position}`;
    const fault = publicKey === undefined ? undefined : signatureFault(checkpoint, publicKey);
    if (fault !== undefined)
      return this.#findings.add('checkpoint-unsigned', `${what} is not to be believed: ${fault}.`);
    if (position > head) {
      const message = `${what} is beyond the end of the log, ${head}: what was committed behind it was cut off.`;
      return this.#findings.add('log-truncated', message, head + 1, position);
    }
    const link = await this.#source.audit.lastLink(position);
    if (link?.last === position && hexOf(link.hash) === hash) return;
    const message = `${what} does not fit the chain: something up to there was changed, and the chain made anew.`;
    this.#findings.add('checkpoint-mismatch', message, position);
  }
}

function named({ position, stream, revision }: StoredRecord): string {
  return `The event at position ${position} (stream ${stream}, revision ${revision})`;
}

/** What checksum and hash are taken of; undefined when a value is of another kind altogether. */
function readableText(record: StoredRecord): string | undefined {
  try {
    return recordText(record, record, record.tags.length === 0 ? null : JSON.stringify(record.tags));
  } catch {
    return undefined;
  }
}

/** Whether a record is what the chain holds for the place of another one. */
function isLinkedAt(record: StoredRecord, other: StoredRecord, linked: string): boolean {
  const places = [
    { ...other, recordedAt: record.recordedAt, stream: record.stream, revision: record.revision },
    { ...record, position: other.position, revision: other.revision },
    { ...other },
  ];
  return places.some(place => {
    const text = readableText({ ...record, ...placeOf(place) });
    return other.position !== record.position && text !== undefined && sha256(text) === linked;
  });
}

function placeOf({ position, stream, revision, recordedAt }: StoredRecord) {
  return { position, stream, revision, recordedAt };
}

function metadataOf(text: string | null): Readonly<Record<string, unknown>> | undefined {
  if (text === null) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
