/**
 * What can be wrong with a log. `record-damaged`: a checksum does not fit, as when a disk has changed a bit. `record-unreadable`: the
 * row cannot be read at all. `record-changed`: an event is whole, but not the one that was linked. `record-moved`: it stands where
 * another one was. `position-missing`: an event is gone. `log-truncated`: the end of the log is gone. `link-broken`: the chain itself was
 * changed. `revision-wrong`: revisions of a stream are not in order. `index-wrong`: an index says something else than the events.
 * `structure`: the backend finds its file damaged. `checkpoint-mismatch`: a checkpoint speaks of another log. `checkpoint-unsigned`: its
 * signature is not to be believed.
 */
export type FindingKind =
  | 'record-damaged'
  | 'record-unreadable'
  | 'record-changed'
  | 'record-moved'
  | 'position-missing'
  | 'log-truncated'
  | 'link-broken'
  | 'revision-wrong'
  | 'index-wrong'
  | 'structure'
  | 'checkpoint-mismatch'
  | 'checkpoint-unsigned';

/** Something that is wrong, and where. */
export interface Finding {
  readonly kind: FindingKind;
  /** The first position that it concerns; null when it concerns none. */
  readonly position: number | null;
  /** The last position that it concerns. */
  readonly through: number | null;
  /** What is wrong, for a person. */
  readonly message: string;
}

/** Findings that are kept; of further ones only the number. */
const FINDINGS_MAX = 1_000;

/** Collects findings, the first ones in full. */
export class Findings {
  readonly #kept: Finding[] = [];
  #total = 0;

  get kept(): readonly Finding[] {
    return this.#kept;
  }

  get total(): number {
    return this.#total;
  }

  add(kind: FindingKind, message: string, position: number | null = null, through: number | null = position): void {
    this.#total++;
    if (this.#kept.length < FINDINGS_MAX) this.#kept.push({ kind, position, through, message });
  }
}
