import { categoryOf, MillraceError } from '../core/index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import type { ShownEvent, ShownPage } from './shown-event.ts';
import { type StoreFlags, withStore, withStoreApi } from './store-api.ts';

/** What `stream state` is told. */
export interface StateFlags extends Omit<StoreFlags, 'url'> {
  readonly app: string;
  readonly at?: number;
}

/** Says how far a stream is and what it begins and ends with; answers the exit code. */
export async function streamInfo(stream: string, flags: StoreFlags, output: Output): Promise<number> {
  const path = `/v1/streams/${encodeURIComponent(stream)}/events?limit=1&direction=`;
  const [first, last] = await withStoreApi(flags, async api => {
    const ends: (ShownEvent | undefined)[] = [];
    for (const direction of ['forward', 'backward']) ends.push((await api.json<ShownPage>(path + direction)).items[0]);
    return ends;
  });
  if (first === undefined || last === undefined) throw noStream(stream);
  const { revision } = last;
  output.result({ stream, revision, events: revision + 1, first: ended(first), last: ended(last) }, () => [
    `${stream}  ${revision + 1} events, revision ${revision}`,
    `  first  ${line(first)}`,
    `  last   ${line(last)}`,
  ]);
  return EXIT.ok;
}

/** Prints the state that the decider of a stream makes of its events; answers the exit code. */
export async function streamState(stream: string, flags: StateFlags, output: Output): Promise<number> {
  const { at } = flags;
  const loaded = await withStore(flags, (app, definition) => {
    const decider = definition?.deciders.find(({ name }) => name === categoryOf(stream));
    if (decider === undefined) {
      const message = `${flags.app} has no decider ${categoryOf(stream)}, whose streams are named as ${stream} is.`;
      throw new MillraceError('NOT_FOUND', message, { details: { stream } });
    }
    return app.events.load(decider, stream, at === undefined ? {} : { at });
  });
  const { state, revision, totalEvents, snapshot = null } = loaded;
  if (revision === -1) throw noStream(stream);
  output.result({ stream, revision, totalEvents, snapshot, state: shown(state) }, () => [
    `${stream} at revision ${revision}`,
    JSON.stringify(shown(state), null, 2),
  ]);
  return EXIT.ok;
}

/** A state with what JSON cannot hold as text. */
function shown(state: unknown): unknown {
  const text = JSON.stringify(state, (_, value) => {
    if (typeof value === 'bigint') return String(value);
    if (value instanceof Map || value instanceof Set) return [...value];
    return value;
  });
  return text === undefined ? null : JSON.parse(text);
}

function ended({ position, type, recordedAt }: ShownEvent) {
  return { position, type, recordedAt };
}

function line({ position, type, recordedAt }: ShownEvent): string {
  return `${type}  ${recordedAt}  position ${position}`;
}

function noStream(stream: string): MillraceError {
  return new MillraceError('NOT_FOUND', `Stream ${stream} has no events.`, { details: { stream } });
}
