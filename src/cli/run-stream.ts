import { MillraceError } from '../core/index.ts';
import type { Blame, FieldChange, JsonChange } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import type { ShownEvent, ShownPage } from './shown-event.ts';
import { type StoreFlags, withStoreApi } from './store-api.ts';

/** What `stream state` is told: points in time are revisions or times, as the API reads them. */
export interface StateFlags extends StoreFlags {
  readonly at?: string;
  readonly diff?: string;
  /** A JSON pointer. */
  readonly blame?: string;
}

interface ShownState {
  readonly revision: number;
  readonly state: unknown;
}

interface ShownDifference {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
  readonly changes: readonly JsonChange[];
  readonly events: readonly ShownEvent[];
}

type ShownChange = Omit<FieldChange, 'recordedAt'> & { readonly recordedAt: string };

type ShownBlame = Omit<Blame, 'changes'> & { readonly changes: readonly ShownChange[] };

const SIGNS: Readonly<Record<JsonChange['op'], string>> = { add: '+', remove: '-', replace: '~' };

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

/** Prints the state that the decider of a stream makes of its events, or what became of it; answers the exit code. */
export async function streamState(stream: string, flags: StateFlags, output: Output): Promise<number> {
  const { at, diff, blame } = flags;
  if (diff !== undefined && blame !== undefined) {
    throw new MillraceError('INVALID_ARGUMENT', 'Give --diff or --blame, not both.');
  }
  const path = `/v1/streams/${encodeURIComponent(stream)}/state`;
  await withStoreApi(flags, async api => {
    if (diff !== undefined)
      return showDifference(await api.json(`${path}/diff${queryOf({ from: diff, to: at })}`), output);
    if (blame !== undefined)
      return showBlame(await api.json(`${path}/blame${queryOf({ pointer: blame, at })}`), output);
    const loaded = await api.json<ShownState>(`${path}${queryOf({ at })}`);
    output.result(loaded, () => [`${stream} at revision ${loaded.revision}`, JSON.stringify(loaded.state, null, 2)]);
  });
  return EXIT.ok;
}

function showDifference(found: ShownDifference, output: Output): void {
  const { stream, from, to, changes, events } = found;
  output.result(found, () => [
    `${stream} from revision ${from} to ${to}: ${events.length} events, ${changes.length} changes`,
    ...changes.map(({ op, pointer, before, after }) => {
      const values = [before, after].filter((_, index) => op !== (index === 0 ? 'add' : 'remove'));
      return `  ${SIGNS[op]} ${pointer || '(the whole state)'}  ${values.map(value => JSON.stringify(value)).join(' → ')}`;
    }),
    ...events.map(event => `  @${event.revision}  ${line(event)}`),
  ]);
}

function showBlame(found: ShownBlame, output: Output): void {
  const { stream, pointer, revision, value, changes } = found;
  output.result(found, () => [
    `${stream} at revision ${revision}: ${pointer || 'the state'} is ${value === undefined ? 'not there' : JSON.stringify(value)}`,
    ...(changes.length === 0 ? ['  no event has changed it'] : []),
    ...changes.map(change => {
      const who = change.metadata.userId === undefined ? '' : `  by ${change.metadata.userId}`;
      return `  @${change.revision}  ${line(change)}${who}  ${JSON.stringify(change.before) ?? 'absent'} → ${JSON.stringify(change.after) ?? 'absent'}`;
    }),
  ]);
}

function queryOf(members: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(members).filter((member): member is [string, string] => member[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

function ended({ position, type, recordedAt }: ShownEvent) {
  return { position, type, recordedAt };
}

function line({ position, type, recordedAt }: Pick<ShownEvent, 'position' | 'type' | 'recordedAt'>): string {
  return `${type}  ${recordedAt}  position ${position}`;
}

function noStream(stream: string): MillraceError {
  return new MillraceError('NOT_FOUND', `Stream ${stream} has no events.`, { details: { stream } });
}
