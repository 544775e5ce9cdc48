import { appendContest } from './harness/append-contest.ts';

/** 64 callers at once, each appending one event and waiting for its sync. */
export const appendManyCallers = appendContest({
  name: 'append-many-callers',
  title: 'Append 1 event, 64 callers',
  load: { callers: 64, events: 1, appends: 200 },
  rateAtLeast: 0.7,
  p99AtMost: 2,
});
