const MULTIPLIER = 0x5bd1e995;
const SEED = 0x9747b28c;
const encoder = new TextEncoder();

/**
 * The partition of a key, the one that Kafka's clients choose: murmur2 of its UTF-8 bytes, so that topics written here and there
 * are partitioned alike. Records without a key go to partition 0.
 */
export function partitionOfKey(key: string | null, partitions: number): number {
  if (partitions === 1 || key === null) return 0;
  return (murmur2(encoder.encode(key)) & 0x7fffffff) % partitions;
}

/** MurmurHash2 (Austin Appleby, public domain) with the seed of Kafka's clients, as a signed 32-bit number. */
export function murmur2(bytes: Uint8Array): number {
  let hash = SEED ^ bytes.length;
  const whole = bytes.length & ~3;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < whole; index += 4) {
    let word = Math.imul(view.getInt32(index, true), MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  if (whole < bytes.length) {
    let rest = 0;
    for (let index = bytes.length - 1; index >= whole; index--) rest = (rest << 8) | (bytes[index] as number);
    hash = Math.imul(hash ^ rest, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}
