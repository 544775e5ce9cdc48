import { signal } from '@preact/signals';
import { SAGA_STATUSES, type SagaStatus } from './api-shapes.ts';

/** What of the page is looked at. Every view has an address of its own, so that it can be shared. */
export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'sagas'; readonly type: string | undefined; readonly status: SagaStatus | undefined }
  | { readonly view: 'saga'; readonly type: string; readonly id: string };

/** Where the reader is. */
export const route = signal<Route>({ view: 'overview' });

/** Follows the address of the page. */
export function followAddress(): void {
  const read = (): void => {
    route.value = parseRoute(location.hash);
    scrollTo(0, 0);
  };
  addEventListener('hashchange', read);
  read();
}

/** Goes to a view. */
export function goTo(target: Route): void {
  location.hash = hrefOf(target);
}

/** The view that the fragment of an address names; the overview when it names none. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [area, type, id] = path.split('/').map(decoded);
  if (area !== 'sagas') return { view: 'overview' };
  if (type !== undefined && id !== undefined && id !== '') return { view: 'saga', type, id };
  const asked = new URLSearchParams(query).get('status');
  const status = SAGA_STATUSES.find(each => each === asked);
  return { view: 'sagas', type: type === '' ? undefined : type, status };
}

/** The address of a view. */
export function hrefOf(target: Route): string {
  if (target.view === 'overview') return '#/';
  if (target.view === 'saga') return `#/sagas/${encodeURIComponent(target.type)}/${encodeURIComponent(target.id)}`;
  const type = target.type === undefined ? '' : `/${encodeURIComponent(target.type)}`;
  return `#/sagas${type}${target.status === undefined ? '' : `?status=${target.status}`}`;
}

/** A part of an address that somebody has damaged is taken as it stands. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
