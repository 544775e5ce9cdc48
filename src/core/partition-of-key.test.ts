import { expect, test } from 'vitest';
import { murmur2, partitionOfKey } from './partition-of-key.ts';

// Hashes that Kafka's Java client gives (facts of its UtilsTest).
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('hashes %s as Kafka does', (text, hash) => {
  expect(murmur2(new TextEncoder().encode(text))).toBe(hash);
});

test('keeps every key in one of the partitions and records without a key in the first', () => {
  for (let index = 0; index < 1_000; index++) {
    const partition = partitionOfKey(`kéy-${index}`, 7);
    expect(partition).toBeGreaterThanOrEqual(0);
    expect(partition).toBeLessThan(7);
    expect(partitionOfKey(`kéy-${index}`, 7)).toBe(partition);
  }
  expect(partitionOfKey(null, 7)).toBe(0);
});
