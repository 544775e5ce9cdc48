import { Icon } from './icon.tsx';
import { chooseNextTheme, theme } from './theme.ts';

const ICONS = { system: 'screen', light: 'sun', dark: 'moon' } as const;

/** Goes from the system's theme to light, to dark, and back. */
export function ThemeButton() {
  const says = `Theme: ${theme.value}`;
  return (
    <button type="button" class="button button-icon" onClick={chooseNextTheme} aria-label={says} title={says}>
      <Icon name={ICONS[theme.value]} />
    </button>
  );
}
