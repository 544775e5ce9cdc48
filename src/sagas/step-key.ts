/** What a step is called in the history: its name, and in brackets the occurrence, as in `ship[line-2]`. */
export function stepKey(name: string, occurrence: readonly string[]): string {
  return occurrence.length === 0 ? name : `${name}[${occurrence.join('][')}]`;
}

/** The name and the occurrence that a step's key says. */
export function partsOfKey(key: string): { readonly name: string; readonly occurrence: readonly string[] } {
  const bracket = key.indexOf('[');
  if (bracket === -1) return { name: key, occurrence: [] };
  return { name: key.slice(0, bracket), occurrence: key.slice(bracket + 1, -1).split('][') };
}
