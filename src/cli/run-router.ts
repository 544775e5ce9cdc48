import { MillraceError, messageOf } from '../core/index.ts';
import type {
  DeadLetterGroup,
  Delivery,
  DestinationSummary,
  Explanation,
  ReplayResult,
  RouteSummary,
} from '../router/index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { StoreApi, type StoreRequest } from './store-api.ts';
import { readUserFile } from './user-file.ts';

/** Where the served app is, and which of many things are meant. */
export interface RouterFlags {
  readonly url: string;
  readonly json?: boolean;
  readonly limit?: number;
  readonly route?: string;
  readonly destination?: string;
  readonly code?: string;
  readonly state?: string;
  readonly reason?: string;
  readonly id?: readonly string[];
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly from?: number;
  readonly to?: number;
}

/** Lists the routes of a served app. */
export async function listRoutes({ url }: RouterFlags, output: Output): Promise<number> {
  const { items } = await new StoreApi(url).json<{ items: RouteSummary[] }>('/v1/routes');
  output.result(items, () =>
    items.map(
      ({ name, enabled, destinations, reason }) =>
        `${name}  ${switched(enabled, reason)}  to ${destinations.join(', ')}`,
    ),
  );
  return EXIT.ok;
}

/** Says what each route makes of an event that a file holds. */
export async function testRoutes(file: string, { url }: RouterFlags, output: Output): Promise<number> {
  const body = eventIn(file);
  const { items } = await ask<{ items: Explanation[] }>(url, '/v1/routes/explain', { method: 'POST', body });
  output.result(items, () =>
    items.map(({ route, matches, failed }) =>
      matches ? `${route}  takes it` : `${route}  leaves it: ${failed?.pointer}: ${failed?.reason}`,
    ),
  );
  return EXIT.ok;
}

/** Lists the destinations of all routes and how they are doing. */
export async function listEndpoints({ url }: RouterFlags, output: Output): Promise<number> {
  const { items } = await new StoreApi(url).json<{ items: DestinationSummary[] }>('/v1/endpoints');
  output.result(items, () =>
    items.map(
      ({ route, destination, address, enabled, reason, breaker }) =>
        `${route}/${destination}  ${address}  ${switched(enabled, reason)}  breaker ${breaker}`,
    ),
  );
  return EXIT.ok;
}

/** Switches a route or an endpoint on or off. */
export async function switchPlace(
  path: string,
  enabled: boolean,
  { url, reason = 'by hand' }: RouterFlags,
  output: Output,
): Promise<number> {
  const answer = await ask<object>(url, `/v1/${path}`, { method: 'PATCH', body: { enabled, reason } });
  output.result(answer, () => [`${path} is switched ${enabled ? 'on' : 'off'}`]);
  return EXIT.ok;
}

/** Replays what a route takes of a range of the log. */
export async function replayRoute(name: string, flags: RouterFlags, output: Output): Promise<number> {
  const { url, from, to, destination, dryRun = false } = flags;
  const path = `/v1/routes/${encodeURIComponent(name)}/replays`;
  const result = await ask<ReplayResult>(url, path, { method: 'POST', body: { from, to, destination, dryRun } });
  output.result(result, () => [replayLine(result, dryRun)]);
  return EXIT.ok;
}

/** Lists deliveries of a route in one state. */
export async function listDeliveries({ url, json: _, ...query }: RouterFlags, output: Output): Promise<number> {
  const { items } = await ask<{ items: Delivery[] }>(url, `/v1/deliveries?${queryOf(query)}`);
  output.result(items, () => (items.length === 0 ? ['No such deliveries'] : items.map(deliveryLine)));
  return EXIT.ok;
}

/** Shows a delivery. */
export async function showDelivery(id: string, { url }: RouterFlags, output: Output): Promise<number> {
  const delivery = await ask<Delivery>(url, `/v1/deliveries/${encodeURIComponent(id)}`);
  output.result(delivery, () => [deliveryLine(delivery)]);
  return EXIT.ok;
}

/** Makes a delivery once more. */
export async function replayDelivery(id: string, { url }: RouterFlags, output: Output): Promise<number> {
  const result = await ask<ReplayResult>(url, `/v1/deliveries/${encodeURIComponent(id)}/replays`, { method: 'POST' });
  output.result(result, () => [replayLine(result, false)]);
  return EXIT.ok;
}

/** Lists dead letters. */
export async function listDeadLetters({ url, json: _, ...query }: RouterFlags, output: Output): Promise<number> {
  const { items } = await ask<{ items: Delivery[] }>(url, `/v1/dead-letters?${queryOf(query)}`);
  output.result(items, () => (items.length === 0 ? ['No dead letters'] : items.map(deliveryLine)));
  return EXIT.ok;
}

/** Shows how many dead letters failed in the same way. */
export async function groupDeadLetters({ url, json: _, ...query }: RouterFlags, output: Output): Promise<number> {
  const { items } = await ask<{ items: DeadLetterGroup[] }>(url, `/v1/dead-letters/groups?${queryOf(query)}`);
  output.result(items, () =>
    items.length === 0
      ? ['No dead letters']
      : items.map(
          ({ route, destination, code, count, message }) => `${count}  ${route}/${destination}  ${code}  ${message}`,
        ),
  );
  return EXIT.ok;
}

/** Shows a dead letter with its event. */
export async function showDeadLetter(id: string, { url }: RouterFlags, output: Output): Promise<number> {
  const letter = await ask<Delivery & { event: unknown }>(url, `/v1/dead-letters/${encodeURIComponent(id)}`);
  output.result(letter, () => [deliveryLine(letter), JSON.stringify(letter.event, undefined, 2)]);
  return EXIT.ok;
}

/** Redrives or discards the dead letters that are meant. */
export async function settleDeadLetters(
  how: 'redrives' | 'discards',
  { url, id, route, destination, code, dryRun = false }: RouterFlags,
  output: Output,
): Promise<number> {
  const which = id === undefined ? { filter: { route, destination, code } } : { ids: id };
  const body = { ...which, dryRun };
  const answer = await ask<Record<string, number>>(url, `/v1/dead-letters/${how}`, { method: 'POST', body });
  const [count = 0] = Object.values(answer);
  const said = how === 'redrives' ? 'delivered once more' : 'deleted';
  output.result(answer, () => [`${count} dead letters ${dryRun ? 'would be' : 'are'} ${said}`]);
  return EXIT.ok;
}

function eventIn(file: string): unknown {
  const text = readUserFile(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MillraceError('INVALID_INPUT_FILE', `${file} is not JSON: ${messageOf(cause)}.`, {
      cause,
      details: { file },
    });
  }
}

function ask<Answer>(url: string, path: string, request: StoreRequest = {}): Promise<Answer> {
  return new StoreApi(url).json<Answer>(path, request);
}

function queryOf(query: object): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return new URLSearchParams(Object.fromEntries(given.map(([name, value]) => [name, String(value)]))).toString();
}

function switched(enabled: boolean, reason: string | null): string {
  return enabled ? 'on' : `off (${reason})`;
}

function deliveryLine({ id, route, destination, position, state, failedAttempts, error }: Delivery): string {
  const why = error === null ? '' : `  ${error.code}: ${error.message}`;
  return `${id}  ${route}/${destination}  position ${position}  ${state}  ${failedAttempts} failed attempts${why}`;
}

function replayLine({ matched, deliveries, pending }: ReplayResult, dryRun: boolean): string {
  return `${matched} events match; ${deliveries} deliveries ${dryRun ? 'would be' : 'are'} made, ${pending} are pending anyway`;
}
