import type { Json } from './api-shapes.ts';
import { formatCount } from './format.ts';

/** More is cut, so that one large value does not stop the page. */
const LENGTH_MAX = 20_000;

/** A value as JSON. */
export function JsonBlock({ value, label }: { value: Json; label: string }) {
  const text = JSON.stringify(value, null, 2);
  const cut = text.length - LENGTH_MAX;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="json" tabIndex={0} aria-label={label}>
      <pre>{cut > 0 ? `${text.slice(0, LENGTH_MAX)}\n… ${formatCount(cut)} more characters` : text}</pre>
    </section>
  );
}
