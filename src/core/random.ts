import { randomFillSync } from 'node:crypto';

/** The only source of chance: ids, jitter and sampling draw from it, so that a seed can repeat a run. */
export interface Random {
  /** A number in [0, 1). */
  fraction(): number;
  /** A whole number in [0, 2^32). */
  uint32(): number;
}

const POOL_WORDS = 1024;
const pool = new Uint32Array(POOL_WORDS);
let used = POOL_WORDS;

/** Chance from the operating system, drawn a pool at a time because a call for each number costs ten times as much. */
export const systemRandom: Random = {
  fraction: () => systemRandom.uint32() / 2 ** 32,
  uint32() {
    if (used === POOL_WORDS) {
      randomFillSync(pool);
      used = 0;
    }
    return pool[used++] as number;
  },
};

/** Chance that a seed repeats (mulberry32, public domain): for simulations and for choices that must survive a restart. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { uint32, fraction: () => uint32() / 2 ** 32 };
}
