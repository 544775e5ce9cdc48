/** An event as the HTTP API shows it. */
export interface ShownEvent {
  readonly position: number;
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly data: unknown;
  readonly recordedAt: string;
}

/** A page of events as the HTTP API shows it. */
export interface ShownPage {
  readonly items: readonly ShownEvent[];
  readonly page: { readonly next: number | null };
}

const DATA_LENGTH_MAX = 120;

/** An event on a line: position, time, stream and revision, type, and the beginning of its data. */
export function eventLine({ position, recordedAt, stream, revision, type, data }: ShownEvent): string {
  const text = JSON.stringify(data);
  const beginning = text.length > DATA_LENGTH_MAX ? `${text.slice(0, DATA_LENGTH_MAX)}…` : text;
  return `${position}  ${recordedAt}  ${stream}@${revision}  ${type}  ${beginning}`;
}
