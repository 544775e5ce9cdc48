import type { Failure, Frame, SagaStatus } from './api-shapes.ts';
import { followersOf } from './followers-of.ts';
import { formatCount, formatPlural, formatRelative } from './format.ts';
import { hrefOf } from './route.ts';

/** Something that needs a person. */
export interface Trouble {
  readonly level: 'warn' | 'bad';
  readonly what: string;
  readonly reason: Failure | null;
  /** Where to see more. */
  readonly href: string | undefined;
}

/** How everything is, in one sentence, and what is wrong. */
export interface Health {
  readonly level: 'good' | 'warn' | 'bad';
  readonly sentence: string;
  readonly troubles: readonly Trouble[];
}

/** Statuses in which a saga waits for a person. */
export const STUCK: readonly SagaStatus[] = ['COMPENSATION_FAILED', 'PARKED'];

/** Judges a frame. */
export function healthOf(frame: Frame): Health {
  const troubles = [...troubledFollowers(frame), ...stuckSagas(frame), ...deadLetters(frame)];
  const level = troubles.some(trouble => trouble.level === 'bad') ? 'bad' : troubles.length > 0 ? 'warn' : 'good';
  if (troubles.length === 0) return { level, sentence: calmSentence(frame), troubles };
  const needs = troubles.length === 1 ? 'thing needs' : 'things need';
  return { level, sentence: `${troubles.length} ${needs} attention`, troubles };
}

/** While the server cannot be reached nothing is known but how it was. */
export function healthUnknown({ at }: Frame, now: number): Health {
  return {
    level: 'warn',
    sentence: `The server does not answer. This is how it was ${formatRelative(at, now)}`,
    troubles: [],
  };
}

function calmSentence(frame: Frame): string {
  const followers = followersOf(frame);
  if (followers.length === 0) return 'The store is open; nothing follows its log yet';
  const behind = followers.filter(({ lag }) => lag > 0);
  const worst = Math.max(0, ...behind.map(({ lag }) => lag));
  if (worst === 0) return `All ${followers.length} processors are up to date`;
  return `All ${followers.length} processors are at work, ${formatPlural(worst, 'event')} behind at most`;
}

function troubledFollowers(frame: Frame): readonly Trouble[] {
  return followersOf(frame).flatMap(({ kind, title, standing, reason, lag }) => {
    if (standing !== 'failed' && standing !== 'stalled' && standing !== 'retrying') return [];
    const name = title === kind ? `The ${kind}` : `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${title}`;
    const what = `${name} ${standing === 'retrying' ? 'is retrying' : `has ${standing}`}, ${formatCount(lag)} behind`;
    return [{ level: standing === 'retrying' ? ('warn' as const) : ('bad' as const), what, reason, href: undefined }];
  });
}

function stuckSagas({ sagas }: Frame): readonly Trouble[] {
  return Object.entries(sagas).flatMap(([type, counts]) =>
    STUCK.flatMap(status => {
      const count = counts[status] ?? 0;
      if (count === 0) return [];
      const why = status === 'PARKED' ? 'parked' : 'with an undo that failed';
      const what = `${formatPlural(count, `${type} saga`)} ${why}: waiting for a person`;
      return [{ level: 'bad' as const, what, reason: null, href: hrefOf({ view: 'sagas', type, status }) }];
    }),
  );
}

function deadLetters({ deliveries: { routes } }: Frame): readonly Trouble[] {
  return Object.entries(routes).flatMap(([route, { deadLettered }]) => {
    if (deadLettered === 0) return [];
    const what = `Route ${route} gave up ${formatPlural(deadLettered, 'delivery', 'deliveries')}`;
    return [{ level: 'warn' as const, what, reason: null, href: undefined }];
  });
}
