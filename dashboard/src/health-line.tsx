import type { Health } from './health.ts';
import { Icon } from './icon.tsx';

const ICONS = { good: 'check', warn: 'alert', bad: 'alert' } as const;

/** How everything is, in one sentence, and what needs a person. */
export function HealthLine({ health }: { health: Health }) {
  return (
    <section class="health" aria-label="Health">
      <h1 class={`health-sentence tone-${health.level}`} data-health={health.level}>
        <span class="health-mark">
          <Icon name={ICONS[health.level]} size={18} />
        </span>
        {health.sentence}
      </h1>
      {health.troubles.length > 0 && (
        <ul class="troubles">
          {health.troubles.map(({ level, what, reason, href }) => (
            <li key={what} class={`note tone-${level}`}>
              <Icon name="alert" />
              <div>
                <p class="note-title">{what}</p>
                {reason !== null && (
                  <p class="note-text">
                    <code>{reason.code}</code> {reason.message}
                  </p>
                )}
              </div>
              {href !== undefined && (
                <a class="button" href={href}>
                  Look
                </a>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
