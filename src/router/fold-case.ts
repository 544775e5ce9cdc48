/**
 * Compares texts as `equals-ignore-case` does, each character of the pattern in either case. As in EventBridge, cases are those
 * of single UTF-16 units of the pattern in no particular language: `ß` stands for `ß` and `SS`.
 */
export class FoldedText {
  readonly #units: readonly { readonly lower: string; readonly upper: string }[];

  constructor(text: string) {
    this.#units = text.split('').map(unit => ({ lower: unit.toLowerCase(), upper: unit.toUpperCase() }));
  }

  /** Where a text that stands at `from` in another one ends; -1 when it does not stand there. */
  endIn(text: string, from: number): number {
    let at = from;
    for (const { lower, upper } of this.#units) {
      // No unit's two cases begin alike unless they are the same, so that whichever fits is the only one that can.
      if (text.startsWith(lower, at)) at += lower.length;
      else if (text.startsWith(upper, at)) at += upper.length;
      else return -1;
    }
    return at;
  }

  /** Where a text that ends at `to` in another one begins; -1 when it does not stand there. */
  startIn(text: string, to: number): number {
    let at = to;
    for (let index = this.#units.length - 1; index >= 0; index--) {
      const { lower, upper } = this.#units[index] as { lower: string; upper: string };
      if (text.endsWith(lower, at) && lower.length <= at) at -= lower.length;
      else if (text.endsWith(upper, at) && upper.length <= at) at -= upper.length;
      else return -1;
    }
    return at;
  }
}

/** One text for all that `FoldedText` takes for the same. Different ones may share it too. */
export function foldCase(text: string): string {
  // A sigma at the end of a word would become another letter than one within.
  return text.replaceAll('Σ', 'σ').toLowerCase().toUpperCase();
}
