import { appendContest } from './harness/append-contest.ts';

/** 64 callers at once, each appending a hundred events and waiting for their sync. */
export const appendBatches = appendContest({
  name: 'append-batches',
  title: 'Append 100 events, 64 callers',
  load: { callers: 64, events: 100, appends: 6 },
  rateAtLeast: 0.7,
});
