import type { ComponentChildren } from 'preact';

interface CardParts {
  readonly title: string;
  /** Beside the title: what is shown, in a few words. */
  readonly note?: ComponentChildren;
  /** At the right of the title: what can be done. */
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A part of the page with a title of its own. */
export function Card({ title, note, actions, class: extra = '', children }: CardParts) {
  const id = `card-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
  return (
    <section class={`card ${extra}`} aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span class="card-note">{note}</span>}
        {actions !== undefined && <div class="card-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
