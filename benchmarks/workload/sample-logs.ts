import { join } from 'node:path';

/** What a log is filled with. */
export interface SampleLog {
  readonly streams: number;
  readonly eventsPerStream: number;
  /** Events of one append: streams are written in turn, so that the events of one lie scattered over the log. */
  readonly eventsPerAppend: number;
}

/** The file of the log that was prepared in a folder. */
export function sampleLogFile(prepared: string): string {
  return join(prepared, 'log.db');
}

/** Streams of 1,000 events, written ten at a time, one after another. */
export function longStreams(quick: boolean): SampleLog {
  return { streams: quick ? 10 : 40, eventsPerStream: 1_000, eventsPerAppend: 10 };
}

/** A log of 200,000 events, ten to a stream. */
export function longLog(quick: boolean): SampleLog {
  return { streams: quick ? 2_000 : 20_000, eventsPerStream: 10, eventsPerAppend: 10 };
}
