import { expect, test } from 'vitest';
import { LogEpochs } from './log-epochs.ts';

const third = new LogEpochs({
  role: 'primary',
  epoch: 3,
  began: [
    { epoch: 2, after: 100 },
    { epoch: 3, after: 250 },
  ],
});

test('a checkpoint is a position, with its epoch once there was a promotion', () => {
  expect(new LogEpochs().checkpoint(17)).toBe('17');
  expect(third.checkpoint(300)).toBe('300@3');
  expect(third.position('300@3')).toBe(300);
});

test.each([
  ['100', 100],
  ['250@2', 250],
  ['100@2', 100],
  ['9999@3', 9999],
])('a checkpoint that was carried over into every later epoch is good: %s', (checkpoint, position) => {
  expect(third.position(checkpoint)).toBe(position);
});

test.each([
  ['101', { position: 101, epoch: 1, logEpoch: 3, continueAfter: 100 }],
  ['251@2', { position: 251, epoch: 2, logEpoch: 3, continueAfter: 250 }],
  ['300@1', { position: 300, epoch: 1, logEpoch: 3, continueAfter: 100 }],
  ['7@4', { position: 7, epoch: 4, logEpoch: 3 }],
])('a checkpoint beyond what was carried over is refused, with where to go on: %s', (checkpoint, details) => {
  expect(() => third.position(checkpoint)).toThrow(expect.objectContaining({ code: 'LOG_REWOUND', details }));
});

test.each(['', 'x', '-1', '1@', '1@0', '1@x', '99999999999999999'])('%j is no checkpoint', text => {
  expect(() => third.position(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
