import { type Duration, MillraceError, milliseconds } from '../core/index.ts';
import type { TopicDefinition } from '../storage/index.ts';
import { checkedStreamName } from './stream-name.ts';

/** How many partitions of a topic there can be. */
const PARTITIONS_MAX = 1_024;

/**
 * Describes a topic: a named, partitioned sequence of keyed records. Nothing has a default, because a topic keeps its number
 * of partitions for ever and records past their retention are gone. Throws `INVALID_DEFINITION`.
 *
 * @example
 * const weekly = topic('weekly-revenue', { partitions: 1, retention: 'forever' });
 */
export function topic(
  name: string,
  options: { readonly partitions: number; readonly retention: Duration | 'forever' },
): TopicDefinition {
  checkedStreamName(name, 'The name of a topic');
  const { partitions, retention } = options;
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX) {
    throw invalid(name, `has ${partitions} partitions; a topic has 1 to ${PARTITIONS_MAX}`);
  }
  if (retention === 'forever') return { name, partitions, retention };
  if (retention === undefined) throw invalid(name, "needs a retention: a length of time, or 'forever'");
  return { name, partitions, retention: { maxAgeMs: milliseconds(retention, `The retention of topic ${name}`) } };
}

function invalid(name: string, what: string): MillraceError {
  return new MillraceError('INVALID_DEFINITION', `Topic ${name} ${what}.`, { details: { topic: name } });
}
