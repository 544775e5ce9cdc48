import { signal } from '@preact/signals';

/** What the reader chose: to follow the system, or one of the two. */
export type Theme = 'system' | 'light' | 'dark';

/** Read by apply-theme.js before the first paint as well. */
const STORED_AS = 'millrace.theme';
const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

/** The chosen theme. */
export const theme = signal<Theme>(stored());
/** Counts changes of the colours, for what is drawn and not styled. */
export const colours = signal(0);

systemIsDark.addEventListener('change', () => {
  colours.value += 1;
});

/** Chooses the theme after the present one: system, light, dark. */
export function chooseNextTheme(): void {
  const chosen = NEXT[theme.value];
  theme.value = chosen;
  if (chosen === 'system') {
    localStorage.removeItem(STORED_AS);
    delete document.documentElement.dataset['theme'];
  } else {
    localStorage.setItem(STORED_AS, chosen);
    document.documentElement.dataset['theme'] = chosen;
  }
  colours.value += 1;
}

function stored(): Theme {
  const chosen = localStorage.getItem(STORED_AS);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}
