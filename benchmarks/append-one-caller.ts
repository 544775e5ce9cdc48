import { appendContest } from './harness/append-contest.ts';

/** One caller that appends one event and waits for its sync before it makes the next. */
export const appendOneCaller = appendContest({
  name: 'append-one-caller',
  title: 'Append 1 event, 1 caller',
  load: { callers: 1, events: 1, appends: 800 },
  rateAtLeast: 0.85,
});
