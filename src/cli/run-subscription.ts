import type { ParkedEvent, SubscriptionStatus } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { StoreApi } from './store-api.ts';

/** Where the served app is. */
export interface ServerFlags {
  readonly url: string;
  readonly json?: boolean;
  readonly limit?: number;
}

/** How events are pulled. */
export interface PullFlags extends ServerFlags {
  readonly visibility?: string;
  readonly wait?: string;
  readonly consumer?: string;
}

/** How pulled events are settled. */
export interface SettleFlags extends ServerFlags {
  readonly through?: number;
  readonly position?: number;
  readonly delay?: string;
  readonly reason?: string;
  readonly visibility?: string;
}

/** Lists the subscriptions of a served app. */
export async function listSubscriptions({ url }: ServerFlags, output: Output): Promise<number> {
  const { items } = await new StoreApi(url).json<{ items: SubscriptionStatus[] }>('/v1/subscriptions');
  output.result(items, () => (items.length === 0 ? ['No subscriptions'] : items.map(line)));
  return EXIT.ok;
}

/** Shows one of them. */
export async function showSubscription(name: string, { url }: ServerFlags, output: Output): Promise<number> {
  const found = await new StoreApi(url).json<SubscriptionStatus>(pathOf(name));
  output.result(found, () => [
    line(found),
    ...found.partitions.map(({ state, position, lag, reason }, partition) => {
      const why = reason === null ? '' : `  ${reason.code}: ${reason.message}`;
      return `  partition ${partition}  ${state}  position ${position}  lag ${lag}${why}`;
    }),
  ]);
  return EXIT.ok;
}

/** Lists what one of them has parked. */
export async function listParked(name: string, { url, limit }: ServerFlags, output: Output): Promise<number> {
  const { items } = await new StoreApi(url).json<{ items: ParkedEvent[] }>(`${pathOf(name)}/parked?limit=${limit}`);
  output.result(items, () =>
    items.length === 0
      ? [`${name} has parked nothing`]
      : items.map(({ position, type, stream, reason }) => `${position}  ${type}  ${stream}  ${reason?.message ?? ''}`),
  );
  return EXIT.ok;
}

/** Lets parked events be handled again. */
export async function replayParked(name: string, { url, limit }: ServerFlags, output: Output): Promise<number> {
  const answer = await post<{ replaying: number }>(url, `${pathOf(name)}/replays`, { limit });
  output.result(answer, () => [`${answer.replaying} parked events of ${name} are being handled again`]);
  return EXIT.ok;
}

/** Pulls events. */
export async function pullEvents(name: string, { url, json: _, ...body }: PullFlags, output: Output): Promise<number> {
  const pulled = await post<{ lease: string | null; items: { position: number; type: string; stream: string }[] }>(
    url,
    `${pathOf(name)}/pull`,
    body,
  );
  output.result(pulled, () =>
    pulled.lease === null
      ? ['Nothing to pull']
      : [...pulled.items.map(each => `${each.position}  ${each.type}  ${each.stream}`), `lease  ${pulled.lease}`],
  );
  return EXIT.ok;
}

/** Settles pulled events in one of the ways that there are. */
export async function settleEvents(
  name: string,
  how: 'acks' | 'nacks' | 'parks' | 'extensions',
  lease: string,
  { url, json: _, ...body }: SettleFlags,
  output: Output,
): Promise<number> {
  const said = { acks: 'acknowledged', nacks: 'given back', parks: 'parked', extensions: 'hidden for longer' } as const;
  await post(url, `${pathOf(name)}/${how}`, { lease, ...body });
  output.result({ settled: how }, () => [`What was pulled of ${name} is ${said[how]}`]);
  return EXIT.ok;
}

function line({ name, position, lag, parked }: SubscriptionStatus): string {
  return `${name}  position ${position}  lag ${lag}  parked ${parked}`;
}

function pathOf(name: string): string {
  return `/v1/subscriptions/${encodeURIComponent(name)}`;
}

async function post<Answer>(url: string, path: string, body: object): Promise<Answer> {
  const response = await new StoreApi(url).open(path, { method: 'POST', body });
  return (response.status === 204 ? {} : await response.json()) as Answer;
}
