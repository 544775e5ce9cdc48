import { expect, test } from 'vitest';
import { FoldedText, foldCase } from './fold-case.ts';

test('the two cases of a character neither begin nor end alike, which comparing without case relies on', () => {
  for (let code = 0; code <= 0xffff; code++) {
    const unit = String.fromCharCode(code);
    const [small, big] = [unit.toLowerCase(), unit.toUpperCase()];
    if (small === big) continue;
    const name = `U+${code.toString(16)}`;
    expect(small.startsWith(big) || big.startsWith(small), name).toBe(false);
    expect(small.endsWith(big) || big.endsWith(small), name).toBe(false);
  }
});

test('what a text stands for without its case is folded like it', () => {
  for (let code = 0; code <= 0xffff; code++) {
    const unit = String.fromCharCode(code);
    const folded = foldCase(`${unit}a`);
    expect(foldCase(`${unit.toLowerCase()}a`), `U+${code.toString(16)}`).toBe(folded);
    expect(foldCase(`${unit.toUpperCase()}A`), `U+${code.toString(16)}`).toBe(folded);
  }
  expect(foldCase('ΟΔΟΣ')).toBe(foldCase('οδοσ'));
});

test('a folded text is found at both ends of another one', () => {
  const ada = new FoldedText('aDa');
  expect(ada.endIn('ADAm', 0)).toBe(3);
  expect(ada.endIn('xada', 0)).toBe(-1);
  expect(ada.startIn('Xada', 4)).toBe(1);
  expect(ada.startIn('da', 2)).toBe(-1);
});
