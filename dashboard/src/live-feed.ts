import { batch, signal } from '@preact/signals';
import type { Frame } from './api-shapes.ts';
import { apiUrl } from './api-url.ts';
import { type Sample, withSample } from './append-history.ts';
import { followersOf } from './followers-of.ts';

/** Whether what is shown is live. `waiting` says when the next try is made, in milliseconds since 1970 UTC. */
export type Connection =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'waiting'; readonly retryAt: number }
  | { readonly state: 'paused' };

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 10_000;
/** The server sends a frame every second; after this long without one the connection is taken for dead. */
const SILENCE_MS = 5_000;
/** A minute of frames. */
const LAGS_MAX = 60;

/** The newest frame; null before the first. It stays while the connection is down. */
export const frame = signal<Frame | null>(null);
/** The head of the log over the last minutes; the server tells what was before. */
export const history = signal<readonly Sample[]>([]);
/** How far each processor was behind in the last frames, by its name. */
export const lags = signal<Readonly<Record<string, readonly number[]>>>({});
/** How the connection to the server stands. */
export const connection = signal<Connection>({ state: 'connecting' });

let source: EventSource | undefined;
let timer: number | undefined;
let failures = 0;

/** Follows the server for as long as the page is looked at. Tabs in the background leave the connection to others. */
export function followServer(): void {
  document.addEventListener('visibilitychange', () => (document.hidden ? pause() : connect()));
  if (document.hidden) pause();
  else connect();
}

/** Tries at once instead of when it is due. */
export function connect(): void {
  close();
  connection.value = { state: 'connecting' };
  const opened = new EventSource(apiUrl('live'));
  source = opened;
  opened.addEventListener('history', ({ data }: MessageEvent<string>) => {
    history.value = (JSON.parse(data) as { samples: readonly Sample[] }).samples;
  });
  opened.addEventListener('frame', ({ data }: MessageEvent<string>) => {
    failures = 0;
    show(JSON.parse(data) as Frame);
    if (connection.value.state !== 'live') connection.value = { state: 'live' };
    expectFrame();
  });
  opened.addEventListener('error', retryLater);
  expectFrame();
}

/** One change of the page for one frame. */
function show(next: Frame): void {
  batch(() => {
    frame.value = next;
    history.value = withSample(history.value, next);
    lags.value = Object.fromEntries(
      followersOf(next).map(({ name, lag }) => [name, [...(lags.value[name] ?? []), lag].slice(-LAGS_MAX)]),
    );
  });
}

function pause(): void {
  close();
  connection.value = { state: 'paused' };
}

function expectFrame(): void {
  clearTimeout(timer);
  timer = window.setTimeout(retryLater, SILENCE_MS);
}

function retryLater(): void {
  close();
  const wait = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_MAX_MS);
  failures += 1;
  connection.value = { state: 'waiting', retryAt: Date.now() + wait };
  timer = window.setTimeout(connect, wait);
}

function close(): void {
  clearTimeout(timer);
  source?.close();
  source = undefined;
}
