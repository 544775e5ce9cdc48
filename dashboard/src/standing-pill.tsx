import { formatStatus } from './format.ts';
import { Icon, type IconName } from './icon.tsx';

type Tone = 'good' | 'warn' | 'bad' | 'undo' | 'idle' | 'accent';

/** Each has an icon and a tone of its own, so that colour is never the only difference. */
const LOOKS: Readonly<Record<string, readonly [tone: Tone, icon: IconName]>> = {
  live: ['good', 'check'],
  'catching-up': ['accent', 'play'],
  starting: ['idle', 'clock'],
  retrying: ['warn', 'clock'],
  stalled: ['bad', 'pause'],
  failed: ['bad', 'cross'],
  stopped: ['idle', 'stop'],
  RUNNING: ['accent', 'play'],
  WAITING: ['warn', 'clock'],
  PAUSED: ['idle', 'pause'],
  COMPENSATING: ['undo', 'undo'],
  COMPLETED: ['good', 'check'],
  COMPENSATED: ['undo', 'undo'],
  CANCELLED: ['undo', 'stop'],
  FAILED: ['bad', 'cross'],
  COMPENSATION_FAILED: ['bad', 'alert'],
  PARKED: ['bad', 'person'],
};

/** The tone and icon of a status or standing. */
export function lookOf(standing: string): { readonly tone: Tone; readonly icon: IconName } {
  const [tone, icon] = LOOKS[standing] ?? ['idle', 'clock'];
  return { tone, icon };
}

/** A status or standing as an icon and its name. */
export function StandingPill({ standing }: { standing: string }) {
  const { tone, icon } = lookOf(standing);
  return (
    <span class={`pill tone-${tone}`}>
      <Icon name={icon} size={14} />
      {formatStatus(standing)}
    </span>
  );
}
