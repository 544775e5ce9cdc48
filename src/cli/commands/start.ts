import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { type App, createLogger, createMillrace, type LogLevel, MillraceError } from '../../index.ts';
import { startServer } from '../../server/index.ts';
import { EXIT } from '../exit-code.ts';
import { interrupted } from '../interrupt.ts';
import { portOption } from '../number-option.ts';
import type { Output } from '../output.ts';

interface StartOptions {
  readonly store: string;
  readonly port: number;
  readonly app?: string;
  readonly logLevel: LogLevel;
}

const PORT_DEFAULT = 8420;

/** `millrace start`: serves a store, with or without an app, until it is told to end. */
export function startCommand(
  run: (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>,
): Command {
  return new Command('start')
    .description('Serve a store over HTTP, with its dashboard, until Ctrl-C.')
    .option('--store <url>', 'where facts are kept: sqlite:<file>, postgres://… or memory:', 'sqlite:./millrace.db')
    .option('--port <n>', 'port on this machine', portOption, PORT_DEFAULT)
    .option('--app <module>', 'module whose default export is an app; without one, any event type is accepted')
    .addOption(
      new Option('--log-level <level>', 'how much is logged')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText('after', '\nExample:\n  millrace start --store sqlite:./shop.db --port 8420 --app ./shop.js')
    .action((options: StartOptions) => run(output => start(options, output)));
}

async function start(options: StartOptions, output: Output): Promise<number> {
  const logger = createLogger(options.logLevel);
  const app = options.app === undefined ? undefined : await loadApp(options.app);
  const ending = interrupted();
  const store = options.store;
  const millrace = await createMillrace({ store, logger, processMetrics: true, ...(app === undefined ? {} : { app }) });
  try {
    const server = await startServer({ app: millrace, port: options.port });
    output.note(`Millrace serves ${withoutPassword(store)}${options.app === undefined ? '' : ` with ${options.app}`}`);
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

/** The app that a module exports by default: an app, or a function that makes one. */
async function loadApp(module: string): Promise<App> {
  let exported: unknown;
  try {
    const loaded = (await import(pathToFileURL(resolve(module)).href)) as { default?: unknown };
    exported = typeof loaded.default === 'function' ? await (loaded.default as () => unknown)() : loaded.default;
  } catch (cause) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      `The app ${module} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
        details: { module },
      },
    );
  }
  if ((exported as Partial<App> | undefined)?.kind === 'app') return exported as App;
  throw new MillraceError(
    'INVALID_ARGUMENT',
    `The default export of ${module} is no app. Export one: export default defineApp({ define: […] })`,
    { details: { module } },
  );
}

function withoutPassword(store: string): string {
  return store.replace(/(:\/\/[^:/@]*):[^@]*@/, '$1@');
}
