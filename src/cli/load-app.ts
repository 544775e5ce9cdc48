import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type App, MillraceError } from '../index.ts';

/**
 * The app that a module exports by default: an app, or a function that makes one. Throws `INVALID_ARGUMENT` when there is no such
 * file, when it throws, and when it exports something else.
 */
export async function loadApp(module: string): Promise<App> {
  const file = resolve(module);
  if (!existsSync(file)) throw invalid(module, `The app ${module} cannot be loaded: there is no file ${file}.`);
  let exported: unknown;
  try {
    const loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
    exported = typeof loaded.default === 'function' ? await (loaded.default as () => unknown)() : loaded.default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(module, `The app ${module} cannot be loaded: ${reason}${placeOf(cause, module)}`, cause);
  }
  if ((exported as Partial<App> | undefined)?.kind === 'app') return exported as App;
  throw invalid(
    module,
    `The default export of ${module} ${what(exported)}. Export one: export default defineApp({ define: […] })`,
  );
}

/** Where its author has to look: the first file that the stack names, or how Node.js tells for a file that it cannot parse. */
function placeOf(thrown: unknown, module: string): string {
  if (thrown instanceof SyntaxError) return `. To see where, run: node ${module}`;
  const [, place] =
    /(?:file:\/\/|\()(\/[^\s()]+:\d+:\d+)/.exec(thrown instanceof Error ? (thrown.stack ?? '') : '') ?? [];
  return place === undefined ? '' : ` (at ${place})`;
}

function what(exported: unknown): string {
  if (exported === undefined) return 'is missing';
  return `is no app but ${exported === null ? 'null' : `of type ${typeof exported}`}`;
}

function invalid(module: string, message: string, cause?: unknown): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', message, { cause, details: { module } });
}
