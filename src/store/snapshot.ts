import { hash } from 'node:crypto';
import { type JsonLoss, jsonLossOf } from '../core/index.ts';
import type { CollectionDefinition } from '../storage/index.ts';
import { codecOfMarks, type DataCodec } from './data-codec.ts';
import type { AnyDecider } from './decider.ts';
import type { EventMetadata } from './event-definition.ts';
import { type AnySnapshotOptions, SNAPSHOT_EVERY_DEFAULT } from './snapshot-options.ts';

/** The state of an entity after a number of its events: what it is loaded from instead of those. */
export interface Snapshot {
  readonly stream: string;
  readonly decider: string;
  /** Under what rules the state was made; see `SnapshotOptions.version`. */
  readonly version: string;
  /** Revision, position and id of the last event that it rests on. */
  readonly revision: number;
  readonly position: number;
  readonly eventId: string;
  /** The state as JSON. */
  readonly state: unknown;
  /** The metadata of that last event: who led to this state, and by what. */
  readonly metadata: EventMetadata;
  /** When it was taken, in milliseconds since 1970 UTC. */
  readonly createdAt: number;
}

/** What snapshots of one decider are: how often, under which version, and in which form. */
export interface SnapshotRules {
  readonly every: number;
  readonly version: string;
  readonly codec: DataCodec | undefined;
  readonly collection: CollectionDefinition;
}

const VERSION_LENGTH = 22;
const known = new WeakMap<AnyDecider, SnapshotRules>();

/** The rules of a decider; undefined when it wants no snapshots. */
export function snapshotRules(decider: AnyDecider): SnapshotRules | undefined {
  const options: AnySnapshotOptions | false = decider.snapshot ?? {};
  if (options === false) return undefined;
  let rules = known.get(decider);
  if (rules === undefined) {
    const { every = SNAPSHOT_EVERY_DEFAULT, version, json, codec } = options;
    rules = {
      every,
      version: versionOf(decider, version),
      codec: json === undefined ? codec : codecOfMarks(decider.name, json),
      collection: snapshotCollection(decider),
    };
    known.set(decider, rules);
  }
  return rules;
}

/** Where the snapshots of a decider are: one document for each stream, so that they grow no faster than streams do. */
export function snapshotCollection({ name }: AnyDecider): CollectionDefinition {
  return { name: `$snapshots:${name}`, owner: { snapshotsOf: name }, indexes: ['version'] };
}

/**
 * The state as JSON, or where JSON would change it: a snapshot must never change a result. This and `stateOfSnapshot` are the only way
 * of a state into what is kept, in the store and in memory, and back: what must be kept sealed is sealed and opened here.
 */
export function snapshotState({ codec }: SnapshotRules, state: unknown): { json: unknown } | { loss: JsonLoss } {
  const json = codec === undefined ? state : codec.encode(state);
  const loss = jsonLossOf(json);
  return loss === undefined ? { json } : { loss };
}

/** The state from what was kept of it; the opposite of `snapshotState`. */
export function stateOfSnapshot({ codec }: SnapshotRules, json: unknown): unknown {
  return codec === undefined ? json : codec.decode(json);
}

/**
 * What tells apart states that were made by other rules: the types and versions of the events count in any case, since a type that is
 * evolved only now was passed over before.
 */
function versionOf(decider: AnyDecider, given: number | undefined): string {
  const events = decider.events.map(({ type, version }) => `${type}@${version}`).sort();
  const evolve = Object.entries(decider.evolve).map(([type, rule]) => `${type}: ${String(rule)}`);
  const rules = given === undefined ? [String(decider.initial), ...evolve.sort()] : [];
  const digest = hash('sha256', JSON.stringify([events, rules]), 'base64url').slice(0, VERSION_LENGTH);
  return `${given ?? 'text'}-${digest}`;
}
