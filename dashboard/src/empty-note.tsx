import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

/** Says that there is nothing, and what to do to have something. */
export function EmptyNote({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name="empty" size={24} />
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="empty-text">{children}</div>}
    </div>
  );
}
