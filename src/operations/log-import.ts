import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { MillraceError } from '../core/index.ts';
import type { Storage, StreamAppend, StreamWrite } from '../storage/index.ts';
import { streamWritesOf } from '../store/index.ts';
import { type ImportedEvent, parseEventLine } from './exported-event.ts';
import { checkExport } from './log-export.ts';

/** Where an event stood, and where it stands now. */
export interface PositionMapping {
  readonly id: string;
  readonly from: number | null;
  readonly to: number;
  readonly stream: string;
  readonly revision: number;
}

/** How a file of events is imported. */
export interface ImportOptions {
  /** Hears of each event where it came to stand. Without it, events must come to the positions that they had. */
  readonly onMapped?: (mapping: PositionMapping) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What came of an import. */
export interface ImportResult {
  readonly events: number;
  /** Of these so many were there already, with the same content. */
  readonly known: number;
  readonly positionsKept: boolean;
  readonly head: number;
}

const EVENTS_PER_BATCH = 500;
const CHARACTERS_PER_BATCH = 1_000_000;

/**
 * Appends the events of a file in their order. What was imported before is recognised by its ids, so that an import that was interrupted is
 * resumed by running it again. Throws `NOT_FOUND` without the file, `BACKUP_CORRUPT` when it is not what its manifest says, `INVALID_INPUT_FILE` for
 * a line that is no event, `EVENT_ID_REUSED` when an id stands for something else already, and `POSITIONS_DIFFER` when positions cannot be kept and nobody
 * wants to hear of others.
 */
export async function importLog(storage: Storage, file: string, options: ImportOptions = {}): Promise<ImportResult> {
  if (!existsSync(file)) {
    throw new MillraceError('NOT_FOUND', `There is no file ${file}. Check the path.`, { details: { file } });
  }
  const manifest = await checkExport(file);
  const importing = new Importing(storage, options);
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  let line = 0;
  for await (const text of lines) {
    line++;
    if (text.trim() === '') continue;
    await importing.add(parseEventLine(text, { file, line }));
    if (line % EVENTS_PER_BATCH === 0) options.onProgress?.(line, Math.max(line, manifest?.count ?? line));
  }
  await importing.flush();
  options.onProgress?.(line, line);
  return importing.result();
}

/** Puts events together to batches: a stream comes once in each, so that the order of the log is kept. */
class Importing {
  readonly #storage: Storage;
  readonly #options: ImportOptions;
  #batch: ImportedEvent[] = [];
  #streams = new Set<string>();
  #characters = 0;
  #events = 0;
  #known = 0;
  #kept = true;

  constructor(storage: Storage, options: ImportOptions) {
    this.#storage = storage;
    this.#options = options;
  }

  async add(event: ImportedEvent): Promise<void> {
    const begins = this.#batch.at(-1)?.stream !== event.stream;
    const full = this.#batch.length >= EVENTS_PER_BATCH || this.#characters >= CHARACTERS_PER_BATCH;
    // What comes before and behind a change of a stream as a whole was appended to it as it was then.
    const alone = changesToldBy(event).length > 0;
    if (full || alone || (begins && this.#streams.has(event.stream))) await this.flush();
    this.#batch.push(event);
    this.#streams.add(event.stream);
    this.#characters += event.event.data.length;
    if (alone) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#streams = new Set();
    this.#characters = 0;
    await this.#checkPlace(batch[0] as ImportedEvent);
    const appends = appendsOf(batch);
    const streams = batch.flatMap(changesToldBy);
    const changes = streams.length === 0 ? {} : { streams };
    const { appends: outcomes, replayed } = await this.#storage.commit({ class: 'bulk', appends, ...changes });
    this.#events += batch.length;
    if (replayed) this.#known += batch.length;
    let index = 0;
    for (const [at, { events }] of appends.entries()) {
      const { position, revision, stream } = outcomes[at] as (typeof outcomes)[number];
      for (let n = 0; n < events.length; n++, index++) {
        const before = events.length - 1 - n;
        const from = batch[index]?.position ?? null;
        if (from !== position - before) this.#kept = false;
        const id = (events[n] as (typeof events)[number]).id;
        this.#options.onMapped?.({ id, from, to: position - before, stream, revision: revision - before });
      }
    }
  }

  async result(): Promise<ImportResult> {
    const head = await this.#storage.log.head();
    return { events: this.#events, known: this.#known, positionsKept: this.#kept, head };
  }

  /** Before anything is written: whether the batch comes to stand where it stood, or does so already. */
  async #checkPlace({ position, event }: ImportedEvent): Promise<void> {
    if (this.#options.onMapped !== undefined || position === undefined) return;
    const head = await this.#storage.log.head();
    if (head === position - 1 || (await this.#storage.log.at(position))?.id === event.id) return;
    throw new MillraceError(
      'POSITIONS_DIFFER',
      `The event of position ${position} would not come to stand there: the log goes to position ${head}. Nothing of it was imported. Import into an empty store, or have the new positions written down (--map <file>).`,
      { details: { position, head, id: event.id } },
    );
  }
}

/** What an event does to streams as a whole. What was scavenged is not in an export, so that nothing is left to be taken away. */
function changesToldBy({ stream, event }: ImportedEvent): StreamWrite[] {
  return streamWritesOf({ ...event, stream }).filter(({ op }) => op !== 'scavenge');
}

function appendsOf(batch: readonly ImportedEvent[]): StreamAppend[] {
  const appends: { stream: string; expected: 'any'; events: ImportedEvent['event'][] }[] = [];
  for (const { stream, event } of batch) {
    const last = appends.at(-1);
    if (last?.stream === stream) last.events.push(event);
    else appends.push({ stream, expected: 'any', events: [event] });
  }
  return appends;
}
