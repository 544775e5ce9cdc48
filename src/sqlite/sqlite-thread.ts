/**
 * The address of a module beside this one, for a thread to start from: `.ts` when Millrace runs from its source, `.js` when
 * it runs as built. Import specifiers are rewritten by the compiler; this is not one.
 */
export function siblingModule(name: string): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${extension}`, import.meta.url);
}
