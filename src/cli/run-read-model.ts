import type { Row } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';
import { StoreApi, type StoreRequest } from './store-api.ts';

/** What the commands for read models are told. */
export interface ReadModelFlags {
  readonly url: string;
  readonly json?: boolean;
  readonly freshTo?: number;
  readonly timeout?: number;
  readonly where?: string;
  readonly orderBy?: string;
  readonly descending?: boolean;
  readonly limit?: number;
}

interface ReadModel {
  readonly name: string;
  readonly version: number;
  readonly documents: number;
  readonly position: number;
  readonly lag: number;
}

const PATH = '/v1/read-models';

/** Lists the read models of a served app. */
export async function listReadModels({ url }: ReadModelFlags, output: Output): Promise<number> {
  const { items } = await new StoreApi(url).json<{ items: ReadModel[] }>(PATH);
  output.result(items, () =>
    items.length === 0
      ? ['No read models']
      : items.map(
          ({ name, version, documents, position, lag }) =>
            `${name}  version ${version}  documents ${documents}  position ${position}  lag ${lag}`,
        ),
  );
  return EXIT.ok;
}

/** Shows one document. */
export async function getDocument(name: string, key: string, flags: ReadModelFlags, output: Output): Promise<number> {
  const path = `${PATH}/${encodeURIComponent(name)}/${encodeURIComponent(key)}`;
  const document = await new StoreApi(flags.url).json<unknown>(path, freshness(flags));
  output.result(document, () => [JSON.stringify(document, null, 2)]);
  return EXIT.ok;
}

/** Shows documents by declared indexes: as one list, or a line for each. */
export async function queryReadModel(name: string, flags: ReadModelFlags, output: Output): Promise<number> {
  const { where, orderBy, descending = false, limit = 50 } = flags;
  const query = new URLSearchParams({ limit: String(limit) });
  if (where !== undefined) query.set('where', where);
  if (orderBy !== undefined) query.set('orderBy', orderBy);
  if (descending) query.set('direction', 'descending');
  const path = `${PATH}/${encodeURIComponent(name)}?${query}`;
  const { items } = await new StoreApi(flags.url).json<{ items: Row<unknown>[] }>(path, freshness(flags));
  output.result(items, () =>
    items.length === 0 ? ['No documents'] : items.map(({ key, document }) => `${key}  ${JSON.stringify(document)}`),
  );
  return EXIT.ok;
}

function freshness({ freshTo, timeout = 5 }: ReadModelFlags): StoreRequest {
  return freshTo === undefined ? {} : { headers: { 'read-after': String(freshTo), prefer: `wait=${timeout}` } };
}
