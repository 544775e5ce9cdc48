import { expect, test } from 'vitest';
import {
  formatAxisTime,
  formatCount,
  formatDuration,
  formatExact,
  formatOffset,
  formatPlural,
  formatRate,
  formatRelative,
  formatStatus,
  formatWindowStart,
} from './format.ts';

test('durations have the unit that fits them', () => {
  const said = [0, 0.4, 3, 999.4, 1_000, 1_014, 12_340, 59_900, 125_000, 3_600_000, 7 * 86_400_000].map(formatDuration);
  expect(said).toEqual([
    '0 ms',
    '< 1 ms',
    '3 ms',
    '999 ms',
    '1 s',
    '1.01 s',
    '12.3 s',
    '59.9 s',
    '2 m 05 s',
    '1 h 00 m',
    '7 d 00 h',
  ]);
  expect(formatDuration(-5)).toBe('0 ms');
  expect(formatOffset(1_012)).toBe('1.012 s');
  expect(formatOffset(250)).toBe('250 ms');
});

test('times are said from where the reader stands', () => {
  const now = Date.parse('2026-01-31T12:00:00Z');
  expect(formatRelative(now - 400, now)).toBe('just now');
  expect(formatRelative(now - 12_900, now)).toBe('12 s ago');
  expect(formatRelative(now + 90_000, now)).toBe('in 1 min');
  expect(formatRelative(now - 50 * 3_600_000, now)).toBe('2 d ago');
  expect(formatExact(now + 7)).toBe('2026-01-31 12:00:00.007 UTC');
});

test('windows and axes are as fine as they need to be', () => {
  const at = Date.parse('1997-01-02T14:05:00Z');
  const [minute, day] = [60_000, 86_400_000];
  expect([7 * day, minute, 1_000].map(size => formatWindowStart(at, size))).toEqual([
    '1997-01-02',
    '1997-01-02 14:05',
    '1997-01-02 14:05:00',
  ]);
  expect([500 * day, 30 * day, 0].map(span => formatAxisTime(at / 1000, span))).toEqual(['Jan 1997', 'Jan 2', '14:05']);
});

test('figures can be read at a glance', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([0, 0.25, 9.96, 10.4, 2_345.6].map(formatRate)).toEqual(['0', '0.3', '10', '10', '2,346']);
  expect(formatPlural(1, 'delivery', 'deliveries')).toBe('1 delivery');
  expect(formatPlural(1_000, 'saga')).toBe('1,000 sagas');
  expect(formatStatus('COMPENSATION_FAILED')).toBe('Compensation failed');
  expect(formatStatus('catching-up')).toBe('Catching up');
});
