import { MillraceError } from '../core/index.ts';
import type { EpochStart, StoreRole } from './store-role.ts';

/**
 * The epochs of a log. A checkpoint is the position of an event and the epoch in which it was seen: `1234` in the first one, which is
 * all that there is without a promotion, then `1234@2`.
 */
export class LogEpochs {
  /** The epoch of what is appended now. */
  readonly current: number;
  readonly #began: readonly EpochStart[];

  constructor(role?: StoreRole) {
    this.current = role?.epoch ?? 1;
    this.#began = role?.began ?? [];
  }

  /** The checkpoint of whoever has seen a position of this log. */
  checkpoint(position: number): string {
    return this.current === 1 ? String(position) : `${position}@${this.current}`;
  }

  /**
   * The position of a checkpoint. Throws `LOG_REWOUND` when it lies beyond what was carried over into a later epoch, or is of an epoch that this
   * log has not come to; `INVALID_ARGUMENT`, under a name, when it is none.
   */
  position(checkpoint: string, name = 'The checkpoint'): number {
    const [, digits = '', seen = '1'] = /^(\d{1,16})(?:@([1-9]\d{0,8}))?$/.exec(checkpoint) ?? [];
    const [position, epoch] = [Number(digits), Number(seen)];
    if (digits === '' || !Number.isSafeInteger(position)) throw unreadable(checkpoint, name);
    const lost = this.#began.find(start => start.epoch > epoch && start.after < position);
    if (lost === undefined && epoch <= this.current) return position;
    const details = { position, epoch, logEpoch: this.current, ...(lost && { continueAfter: lost.after }) };
    const message =
      lost === undefined
        ? `Checkpoint ${checkpoint} is of epoch ${epoch}; this log is of epoch ${this.current}, an earlier one.`
        : `Position ${position} was seen in epoch ${epoch}. Epoch ${lost.epoch} goes on behind position ${lost.after}: what was seen behind that one is no part of this log.`;
    throw new MillraceError('LOG_REWOUND', message, { details });
  }
}

function unreadable(checkpoint: string, name: string): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `${name} is ${checkpoint}; it must be the position of an event, or the checkpoint that was given as its id.`,
    { details: { checkpoint } },
  );
}
