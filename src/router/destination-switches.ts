import { isMillraceError, SYSTEM_PREFIX } from '../core/index.ts';
import { type Environment, failureOf } from '../processing/index.ts';
import type { StreamAppend } from '../storage/index.ts';

/** A route, or one of its destinations. */
export interface SwitchPlace {
  readonly route: string;
  /** Left out: the route itself. */
  readonly destination?: string;
}

/** Whether a route takes events or a destination is delivered to, and why not. */
export interface SwitchState {
  readonly enabled: boolean;
  /** Why it was switched last; null when it never was. */
  readonly reason: string | null;
  /** When, in milliseconds since 1970 UTC. */
  readonly at: number | null;
}

const ON: SwitchState = { enabled: true, reason: null, at: null };
const ENABLED = 'RoutingEnabled';
const DISABLED = 'RoutingDisabled';

/**
 * What is switched off: routes that take no events, destinations whose deliveries wait. Each switching is an event in a stream of
 * Millrace's own, so that it outlives a restart, is known to every process that shares the store, and can be looked up.
 */
export class DestinationSwitches {
  readonly #places: readonly SwitchPlace[];
  readonly #environment: Environment;
  readonly #changed: () => void;
  #states: ReadonlyMap<string, SwitchState> = new Map();
  #unwatch: (() => void) | undefined;
  #loading: Promise<void> | undefined;
  #stale = false;

  /** The function is called whenever something may have been switched. */
  constructor(places: readonly SwitchPlace[], environment: Environment, changed: () => void) {
    this.#places = places;
    this.#environment = environment;
    this.#changed = changed;
  }

  /** Learns how everything is switched, and from then on what is switched. */
  async start(): Promise<void> {
    await this.#load();
    this.#unwatch = this.#environment.storage.watch(({ types }) => {
      if (types.has(ENABLED) || types.has(DISABLED)) void this.refresh();
    });
  }

  /** Learns nothing more. */
  async stop(): Promise<void> {
    this.#unwatch?.();
    await this.#loading;
  }

  /** How something is switched, as far as is known. */
  stateOf(place: SwitchPlace): SwitchState {
    return this.#states.get(streamOf(place)) ?? ON;
  }

  /** What a commit has to append to switch something. */
  switching(place: SwitchPlace, enabled: boolean, reason: string): StreamAppend {
    const stream = streamOf(place);
    const event = { type: enabled ? ENABLED : DISABLED, data: { ...place, reason } };
    return { stream, expected: 'any', events: [this.#environment.codec.encodeOwn(stream, event)] };
  }

  /** Switches something, if it is not switched so. */
  async set(place: SwitchPlace, enabled: boolean, reason: string): Promise<void> {
    await this.refresh();
    if (this.stateOf(place).enabled === enabled) return;
    await this.#environment.storage.commit({ appends: [this.switching(place, enabled, reason)] });
    await this.refresh();
  }

  /** Looks again how everything is switched. */
  async refresh(): Promise<void> {
    this.#stale = true;
    while (this.#stale) {
      this.#loading ??= this.#load().finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
  }

  async #load(): Promise<void> {
    this.#stale = false;
    const { log } = this.#environment.storage;
    try {
      const states = new Map<string, SwitchState>();
      for (const place of this.#places) {
        const stream = streamOf(place);
        const [last] = await log.readStream(stream, { direction: 'backward', limit: 1 });
        if (last === undefined) continue;
        const { reason } = JSON.parse(last.data) as { reason: string };
        states.set(stream, { enabled: last.type === ENABLED, reason, at: last.recordedAt });
      }
      this.#states = states;
      this.#changed();
    } catch (thrown) {
      if (isMillraceError(thrown, 'STORAGE_CLOSED')) return;
      const { logger } = this.#environment.telemetry;
      logger.warn({ err: failureOf(thrown) }, 'it could not be seen what of the router is switched off');
    }
  }
}

function streamOf({ route, destination }: SwitchPlace): string {
  return destination === undefined
    ? `${SYSTEM_PREFIX}route-${route}`
    : `${SYSTEM_PREFIX}destination-${route}:${destination}`;
}
