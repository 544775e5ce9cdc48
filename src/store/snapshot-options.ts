import { MillraceError } from '../core/index.ts';
import type { AnyMarks, DataCodec, Marks } from './data-codec.ts';

/** How snapshots of a decider's states are taken. */
export interface SnapshotOptions<State = unknown> {
  /**
   * Raise it when `initial` or `evolve` come to mean something else; snapshots of other versions are dropped. Without it the source text
   * of `initial` and `evolve` stands for the version, which does not see what changes in functions that they call.
   */
  readonly version?: number;
  /** After how many events of a stream. Default: 100. */
  readonly every?: number;
  /** Where the state holds what JSON cannot; see `defineEvent`. */
  readonly json?: Marks<State>;
  /** Instead of marks, functions of your own that write the state as JSON and read it back. */
  readonly codec?: DataCodec<State>;
}

/** Options of snapshots of whatever state. */
export interface AnySnapshotOptions extends Omit<SnapshotOptions, 'json' | 'codec'> {
  readonly json?: AnyMarks;
  readonly codec?: DataCodec;
}

/** After how many events of a stream its next snapshot is taken, unless a decider says otherwise. */
export const SNAPSHOT_EVERY_DEFAULT = 100;

/** Throws `INVALID_DEFINITION` for options that make no sense. */
export function checkSnapshotOptions(decider: string, options: AnySnapshotOptions | false | undefined): void {
  if (options === undefined || options === false) return;
  const { version = 1, every = SNAPSHOT_EVERY_DEFAULT, json, codec } = options;
  const whole = Number.isSafeInteger(version) && Number.isSafeInteger(every) && version >= 1 && every >= 1;
  if (whole && (json === undefined || codec === undefined)) return;
  throw new MillraceError(
    'INVALID_DEFINITION',
    whole
      ? `Decider ${decider} has json marks and a codec for its snapshots. Keep one of them: marks are a codec.`
      : `Decider ${decider} wants snapshots of version ${version} every ${every} events. Both are whole numbers from 1.`,
    { details: { decider, version, every } },
  );
}
