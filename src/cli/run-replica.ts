import { promoteStore, type SecondaryStatus } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { shownStore } from './shown-store.ts';
import { StoreApi } from './store-api.ts';

/** Lists the secondaries of a served store; answers the exit code. */
export async function listSecondaries(url: string, output: Output): Promise<number> {
  const found = await new StoreApi(url).json<{ epoch: number; secondaries: SecondaryStatus[] }>('/v1/replication');
  output.result(found, () =>
    found.secondaries.length === 0
      ? ['No secondaries']
      : found.secondaries.map(({ name, state, position, lag, reason }) => {
          const why = reason === null ? '' : `  ${reason.code}: ${reason.message}`;
          return `${name}  ${state}  position ${position}  lag ${lag}${why}`;
        }),
  );
  return EXIT.ok;
}

/** Compares a secondary with the primary that is served; answers the exit code. */
export async function compareSecondary(name: string, url: string, output: Output): Promise<number> {
  const path = `/v1/replication/${encodeURIComponent(name)}/comparisons`;
  const found = await new StoreApi(url).json<{ alikeThrough: number }>(path, { method: 'POST', body: {} });
  output.result(found, () => [`${name} is a copy of its primary up to position ${found.alikeThrough}`]);
  return EXIT.ok;
}

/** Promotes a secondary; answers the exit code. */
export async function promoteSecondary(store: string, output: Output): Promise<number> {
  const promoted = await promoteStore(store);
  const { epoch, position } = promoted;
  output.result(promoted, () => [`${shownStore(store)} is a primary now: epoch ${epoch}, last position ${position}`]);
  return EXIT.ok;
}
