import { MillraceError } from '../core/index.ts';
import { createLogger, createMillrace, type LogLevel } from '../index.ts';
import { startServer } from '../server/index.ts';
import { EXIT } from './exit-code.ts';
import { interrupted } from './interrupt.ts';
import { loadApp } from './load-app.ts';
import type { Output } from './output.ts';
import { shownStore } from './shown-store.ts';

/** What is served, and where. */
export interface ServeOptions {
  readonly store: string;
  readonly port: number;
  /** A module whose default export is an app. */
  readonly app?: string;
  /** Where the key-encryption keys are. */
  readonly keys?: string;
  /** Stores that follow the one that is served: `<name>=<url>`. */
  readonly secondary?: readonly string[];
  readonly requireLeases?: boolean;
  readonly logLevel: LogLevel;
}

/** Serves a store until it is told to end; answers the exit code. */
export async function serveStore(options: ServeOptions, output: Output): Promise<number> {
  const { store, port, logLevel } = options;
  const logger = createLogger(logLevel);
  const app = options.app === undefined ? undefined : await loadApp(options.app);
  const ending = interrupted();
  const millrace = await createMillrace({
    store,
    logger,
    processMetrics: true,
    ...(app === undefined ? {} : { app }),
    ...(options.secondary === undefined ? {} : { secondaries: secondariesOf(options.secondary) }),
    ...(options.requireLeases === true ? { requireLeases: true } : {}),
    ...(options.keys === undefined ? {} : { keys: options.keys }),
  });
  try {
    const server = await startServer({ app: millrace, port, logger });
    output.note(`Millrace serves ${shownStore(store)}${options.app === undefined ? '' : ` with ${options.app}`}`);
    for (const named of options.secondary ?? []) output.note(`  secondary  ${shownStore(named)}`);
    output.note(`  API        ${server.address}/v1/events`);
    output.note(`  dashboard  ${server.address}/ui/`);
    await ending;
    output.note('Ending; what is left goes on at the next start.');
    await server.close();
    return EXIT.ok;
  } finally {
    await millrace.close();
  }
}

function secondariesOf(named: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    named.map(text => {
      const [, name, location] = /^([^=:/]+)=(.+)$/.exec(text) ?? [];
      if (name !== undefined && location !== undefined) return [name, location];
      throw new MillraceError(
        'INVALID_ARGUMENT',
        `--secondary ${shownStore(text)} names no store; write <name>=<url>, such as standby=sqlite:./standby.db.`,
      );
    }),
  );
}
