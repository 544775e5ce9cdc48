import { type ErrorCode, errorCodes, MillraceError } from '../core/index.ts';
import type { ParkedEvent, SubscriptionStatus } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';

/** What the commands for subscriptions are told. */
export interface ServerFlags {
  readonly server: string;
  readonly json?: boolean;
  readonly limit?: number;
}

/** Lists the subscriptions of a served app. */
export async function listSubscriptions({ server }: ServerFlags, output: Output): Promise<number> {
  const { items } = await ask<{ items: SubscriptionStatus[] }>(server, '');
  output.result(items, () => (items.length === 0 ? ['No subscriptions'] : items.map(line)));
  return EXIT.ok;
}

/** Shows one of them. */
export async function showSubscription(name: string, { server }: ServerFlags, output: Output): Promise<number> {
  const found = await ask<SubscriptionStatus>(server, `/${encodeURIComponent(name)}`);
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
export async function listParked(name: string, { server, limit }: ServerFlags, output: Output): Promise<number> {
  const path = `/${encodeURIComponent(name)}/parked?limit=${limit}`;
  const { items } = await ask<{ items: ParkedEvent[] }>(server, path);
  output.result(items, () =>
    items.length === 0
      ? [`${name} has parked nothing`]
      : items.map(({ position, type, stream, reason }) => `${position}  ${type}  ${stream}  ${reason?.message ?? ''}`),
  );
  return EXIT.ok;
}

/** Lets parked events be handled again. */
export async function replayParked(name: string, { server, limit }: ServerFlags, output: Output): Promise<number> {
  const body = JSON.stringify(limit === undefined ? {} : { limit });
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  const answer = await ask<{ replaying: number }>(server, `/${encodeURIComponent(name)}/replays`, request);
  output.result(answer, () => [`${answer.replaying} parked events of ${name} are being handled again`]);
  return EXIT.ok;
}

function line({ name, position, lag, parked }: SubscriptionStatus): string {
  return `${name}  position ${position}  lag ${lag}  parked ${parked}`;
}

async function ask<T>(server: string, path: string, request: RequestInit = {}): Promise<T> {
  const response = await fetch(`${server}/v1/subscriptions${path}`, request).catch((cause: unknown) => {
    throw new MillraceError(
      'STORAGE_UNAVAILABLE',
      `Nothing answers at ${server}. Start it, or name it with --server.`,
      {
        cause,
        details: { server },
      },
    );
  });
  const answer = (await response.json()) as T & { code?: string; detail?: string };
  if (response.ok) return answer;
  const code = errorCodes.find((each): each is ErrorCode => each === answer.code) ?? 'STORAGE_UNAVAILABLE';
  throw new MillraceError(code, answer.detail ?? `The server answered ${response.status}.`);
}
