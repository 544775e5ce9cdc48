import { type ErrorCode, errorCodes, isMillraceError, MillraceError } from '../core/index.ts';
import { type App, createLogger, createMillrace, defineApp, type Millrace, storeSchema } from '../index.ts';
import { startServer } from '../server/index.ts';
import { loadApp } from './load-app.ts';
import { shownStore } from './shown-store.ts';

/** Where the events are that a command is for: behind a server, or in a store that the command opens itself. */
export interface StoreFlags {
  readonly url?: string;
  readonly store: string;
  readonly app?: string;
}

/** A request to the HTTP API. */
export interface StoreRequest {
  readonly method?: 'POST' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The HTTP API of a store. What it refuses is thrown as the error that it is. */
export class StoreApi {
  readonly #address: string;

  constructor(address: string) {
    if (!/^https?:\/\//.test(address) || !URL.canParse(address)) {
      throw new MillraceError('INVALID_ARGUMENT', `--url ${address} is no address such as http://127.0.0.1:8420.`, {
        details: { url: address },
      });
    }
    this.#address = address.replace(/\/+$/, '');
  }

  /** Asks for JSON. */
  async json<Answer>(path: string, request: StoreRequest = {}): Promise<Answer> {
    const response = await this.open(path, request);
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  }

  /** Asks, and answers once the server has begun to answer. */
  async open(path: string, { method, headers, body, signal }: StoreRequest = {}): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.#address}${path}`, {
        ...(method === undefined ? {} : { method }),
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new MillraceError(
        'STORAGE_UNAVAILABLE',
        `Nothing answers at ${this.#address}. Start a server with millrace start, or correct --url.`,
        { cause, details: { url: this.#address } },
      );
    }
    if (response.ok) return response;
    throw await this.#refusal(response);
  }

  async #refusal(response: Response): Promise<MillraceError> {
    const text = await response.text();
    try {
      const { code, detail, type, title, status, retryable, hint, ...details } = JSON.parse(text);
      if (errorCodes.includes(code as ErrorCode)) return new MillraceError(code, detail, { details });
    } catch {
      // Not what Millrace answers; it is said below.
    }
    return new MillraceError(
      'STORAGE_UNAVAILABLE',
      `${this.#address} answered ${response.status}, and not as Millrace does. Correct --url, or look into the log of the server.`,
      { details: { url: this.#address, status: response.status } },
    );
  }
}

/**
 * Gives a command the API of its store. A store that is not behind a server is served to this command alone while it runs: so what can be
 * asked, checked and answered is the same. Errors: `NOT_FOUND` when there is no such store, unless the command may make one; what
 * opening a store throws, `STORAGE_OWNED` with the address of its server among it.
 */
export async function withStoreApi<Result>(
  flags: StoreFlags & { readonly create?: boolean },
  use: (api: StoreApi) => Promise<Result>,
): Promise<Result> {
  if (flags.url !== undefined) return use(new StoreApi(flags.url));
  return withStore(flags, async app => {
    const server = await startServer({ app });
    try {
      return await use(new StoreApi(server.address));
    } finally {
      await server.close();
    }
  });
}

/** Gives a command the app on its store, without the parts that would begin to work: only events and deciders. */
export async function withStore<Result>(
  { store, app: module, create = false }: StoreFlags & { readonly create?: boolean },
  use: (app: Millrace, definition: App | undefined) => Promise<Result>,
): Promise<Result> {
  if (!create) await checkIsThere(store);
  const whole = module === undefined ? undefined : await loadApp(module);
  const app = whole && defineApp({ define: [...whole.events, ...whole.deciders] });
  const logger = createLogger('error');
  const millrace = await opened(() => createMillrace({ store, logger, ...(app === undefined ? {} : { app }) }));
  try {
    return await use(millrace, app);
  } finally {
    await millrace.close();
  }
}

/** Says of a store that another process serves how to get at it. */
async function opened<App>(open: () => Promise<App>): Promise<App> {
  try {
    return await open();
  } catch (thrown) {
    if (!isMillraceError(thrown, 'STORAGE_OWNED')) throw thrown;
    throw new MillraceError('STORAGE_OWNED', `${thrown.message} To ask its server, use --url.`, {
      cause: thrown,
      details: thrown.details,
    });
  }
}

/** A slip of the pen must not leave a new, empty store behind. */
async function checkIsThere(store: string): Promise<void> {
  if ((await storeSchema(store)).version > 0) return;
  throw new MillraceError('NOT_FOUND', `There is no store ${shownStore(store)}. Name another with --store or --url.`, {
    details: { store: shownStore(store) },
  });
}
