import { isMillraceError, MillraceError } from '../core/index.ts';
import { type Environment, Processor, type ProcessorStatus, WorkRunner } from '../processing/index.ts';
import type { Hint } from '../storage/index.ts';
import { FreshStarts } from './fresh-starts.ts';
import type { Saga } from './saga-definition.ts';
import { sagaStream } from './saga-events.ts';
import { SagaExecutor } from './saga-executor.ts';
import { SAGA_INDEX, type SagaSummary, summaryIn, typeAndStatus } from './saga-index.ts';
import { foldHistory, loadHistory } from './saga-instance.ts';
import { prepareOperation, type RepairNote, type SagaOperation } from './saga-operation.ts';
import { checkedInput, prepareStart, sagaQueue } from './saga-start.ts';
import { type SagaState, type SagaStatus, startedState } from './saga-state.ts';
import { SagaTriggerHandler } from './saga-trigger.ts';
import { type SagaView, sagaView } from './saga-view.ts';

/** How many sagas of each type and status there are. */
export type SagaCounts = Readonly<Record<string, Partial<Readonly<Record<SagaStatus, number>>>>>;

/** What the engine is made of. */
export interface SagaEngineOptions {
  readonly sagas: readonly Saga[];
  /** Given to every step. */
  readonly services: unknown;
  readonly environment: Environment;
  /** Most sagas of one type at work at once. Default: 256. */
  readonly concurrency?: number;
}

/** One type of saga at work: what starts its instances and what runs them. */
interface SagaType {
  /** The version that new instances get: the highest one. */
  readonly current: Saga;
  readonly versions: ReadonlyMap<number, Saga>;
  readonly trigger: Processor | undefined;
  readonly runner: WorkRunner;
  /** Instances that this process has started and not yet claimed, their first attempt included. */
  readonly fresh: FreshStarts;
  /** Lets those that are at work look at what has happened outside. */
  readonly heard: (hint: Hint) => void;
}

const CONCURRENCY_DEFAULT = 256;
const LIST_LIMIT_DEFAULT = 50;

/** Starts sagas, runs them, and shows where they stand. */
export class SagaEngine {
  readonly #environment: Environment;
  readonly #types = new Map<string, SagaType>();
  #draining = false;
  #unwatch: (() => void) | undefined;

  /** Throws `INVALID_DEFINITION` when a type has the same version twice. */
  constructor(options: SagaEngineOptions) {
    this.#environment = options.environment;
    for (const [type, versions] of byType(options.sagas))
      this.#types.set(type, this.#sagaType(type, versions, options));
    this.#measureInstances();
  }

  /** Begins to start and run sagas; those that were running before go on. */
  async start(): Promise<void> {
    await this.#environment.storage.documents.define(SAGA_INDEX);
    for (const { trigger, runner } of this.#types.values()) {
      await trigger?.start();
      runner.start();
    }
    this.#unwatch ??= this.#environment.storage.watch(hint => {
      for (const { heard } of this.#types.values()) heard(hint);
    });
  }

  /** Starts no more attempts, lets those at work finish for a while, and ends. */
  async stop(): Promise<void> {
    this.#draining = true;
    this.#unwatch?.();
    const types = [...this.#types.values()];
    await Promise.all(types.flatMap(({ trigger, runner }) => [trigger?.stop(), runner.stop()]));
  }

  /** Where the processors that start sagas stand. */
  statuses(): readonly ProcessorStatus[] {
    return [...this.#types.values()].flatMap(({ trigger }) => (trigger === undefined ? [] : [trigger.status()]));
  }

  /**
   * Starts a saga by command; one that exists already is left as it is. Answers where it stands: a new one, at its start.
   * Throws `SAGA_NOT_DEFINED`, or `SCHEMA_VIOLATION` for an input that does not fit.
   */
  async begin(
    type: string,
    id: string,
    input: unknown,
    context: { correlationId?: string; causationId?: string } = {},
  ): Promise<SagaView> {
    const { current, fresh } = this.#find(type);
    const causationId = context.causationId ?? this.#environment.ids.next();
    const cause = { causationId, correlationId: context.correlationId ?? causationId };
    const start = await prepareStart(this.#environment, current, { id, input }, cause);
    const { append, document, work, state } = start;
    fresh.add(state);
    try {
      const batch = { appends: [append], documents: [document], work: [work] };
      const { recordedAt } = await this.#environment.storage.commit(batch);
      const recorded = { ...start.recorded, recordedAt };
      return sagaView(startedState(recorded) as SagaState, [recorded], undoNames(current));
    } catch (thrown) {
      fresh.remove(state);
      if (!isMillraceError(thrown, 'REVISION_CONFLICT')) throw thrown;
      return this.get(type, id);
    }
  }

  /** A saga with its history. Throws `SAGA_NOT_DEFINED` or `SAGA_NOT_FOUND`. */
  async get(type: string, id: string): Promise<SagaView> {
    const { current, versions } = this.#find(type);
    const history = await loadHistory(this.#environment, sagaStream(type, id));
    const state = foldHistory(history);
    if (state !== undefined) return sagaView(state, history, undoNames(versions.get(state.version) ?? current));
    throw notFound(type, id);
  }

  /**
   * Does something with a saga, and keeps who did it and why in its history. Answers where it stands then.
   *
   * - `retry` lets a parked saga go on where it stood, its tries counted anew, under the same idempotency keys; with `input`, on a corrected one.
   * - `skipUndo` counts the failed undo that it is parked at as done, for instance because it was settled by hand.
   * - `completeStep` gives a step that waits or is parked a result, as if it had completed; `skipStep` takes it for done without effect.
   * - `cancel` turns it back: what was done is undone, and it ends as `CANCELLED`. Not after its pivot.
   * - `pause` lets what is at work end and begins nothing else; its deadline runs on. `resume` lets it go on.
   * - `forceComplete` ends a parked saga as it stands; nothing is run, undone or told any more.
   *
   * Throws `SAGA_NOT_PARKED` or `SAGA_STATE_CONFLICT` when it is not in a state for that, `REVISION_CONFLICT` when somebody else was
   * faster, `INVALID_ARGUMENT` without a reason, `SCHEMA_VIOLATION` for an input that does not fit.
   */
  async operate(type: string, id: string, operation: SagaOperation, note: RepairNote): Promise<SagaView> {
    const { versions, current } = this.#find(type);
    const state = foldHistory(await loadHistory(this.#environment, sagaStream(type, id)));
    if (state === undefined) throw notFound(type, id);
    const saga = versions.get(state.version);
    let wanted = operation;
    if (operation.kind === 'retry' && operation.input !== undefined) {
      wanted = { ...operation, input: await checkedInput(saga ?? current, id, operation.input) };
    }
    await this.#environment.storage.commit(prepareOperation(this.#environment, { saga, state }, wanted, note));
    return this.get(type, id);
  }

  /** Lets a parked saga go on where it stood; see `operate`. */
  retry(type: string, id: string, note: RepairNote & { readonly input?: unknown }): Promise<SagaView> {
    return this.operate(type, id, { kind: 'retry', input: note.input }, note);
  }

  /** Counts the failed undo that a saga is parked at as done; see `operate`. */
  skipUndo(type: string, id: string, note: RepairNote & { readonly step?: string }): Promise<SagaView> {
    return this.operate(type, id, { kind: 'skipUndo', step: note.step }, note);
  }

  /** Takes a step that waits or is parked for done without effect; see `operate`. */
  skipStep(type: string, id: string, note: RepairNote & { readonly step?: string }): Promise<SagaView> {
    return this.operate(type, id, { kind: 'skipStep', step: note.step }, note);
  }

  /** Gives a step that waits or is parked its result; see `operate`. */
  completeStep(
    type: string,
    id: string,
    note: RepairNote & { readonly step?: string; readonly result: unknown },
  ): Promise<SagaView> {
    return this.operate(type, id, { kind: 'completeStep', step: note.step, result: note.result }, note);
  }

  /** Turns a saga back; see `operate`. */
  cancel(type: string, id: string, note: RepairNote): Promise<SagaView> {
    return this.operate(type, id, { kind: 'cancel' }, note);
  }

  /** Holds a saga; see `operate`. */
  pause(type: string, id: string, note: RepairNote): Promise<SagaView> {
    return this.operate(type, id, { kind: 'pause' }, note);
  }

  /** Lets a held saga go on; see `operate`. */
  resume(type: string, id: string, note: RepairNote): Promise<SagaView> {
    return this.operate(type, id, { kind: 'resume' }, note);
  }

  /** Ends a parked saga as it stands; see `operate`. */
  forceComplete(type: string, id: string, note: RepairNote): Promise<SagaView> {
    return this.operate(type, id, { kind: 'forceComplete' }, note);
  }

  /** Sagas of a type and status, by id. */
  async list(type: string, status: SagaStatus, limit = LIST_LIMIT_DEFAULT): Promise<readonly SagaSummary[]> {
    this.#find(type);
    const where = { typeAndStatus: typeAndStatus(type, status) };
    const found = await this.#environment.storage.documents.query(SAGA_INDEX.name, { where, limit });
    return found.map(({ body }) => summaryIn(body));
  }

  /** How many sagas there are of each type and status. */
  async counts(): Promise<SagaCounts> {
    const counts: Record<string, Record<string, number>> = {};
    for (const type of this.#types.keys()) counts[type] = {};
    const counted = await this.#environment.storage.documents.countBy(SAGA_INDEX.name, 'typeAndStatus');
    for (const [value, count] of counted) {
      const separator = value.lastIndexOf(':');
      const type = value.slice(0, separator);
      counts[type] = { ...counts[type], [value.slice(separator + 1)]: count };
    }
    return counts;
  }

  #sagaType(type: string, versions: ReadonlyMap<number, Saga>, options: SagaEngineOptions): SagaType {
    const { environment, services, concurrency = CONCURRENCY_DEFAULT } = options;
    const current = versions.get(Math.max(...versions.keys())) as Saga;
    const executor = new SagaExecutor({ versions, environment, services, isDraining: () => this.#draining });
    const fresh = new FreshStarts(environment.clock);
    const runner = new WorkRunner(
      {
        queue: sagaQueue(type),
        concurrency,
        run: (item, lost) => executor.run(type, item, lost, fresh.take(item)),
      },
      environment,
    );
    const awaited = awaitedBy(versions.values());
    const handler = new SagaTriggerHandler(environment, current, fresh, awaited);
    const types = [...new Set([...current.triggers.map(({ event }) => event.type), ...awaited])];
    const trigger =
      types.length === 0 ? undefined : new Processor({ name: `saga:${type}`, types, handler }, environment);
    return { current, versions, trigger, runner, fresh, heard: hint => executor.heard(hint, awaited) };
  }

  #find(type: string): SagaType {
    const found = this.#types.get(type);
    if (found !== undefined) return found;
    const known = [...this.#types.keys()];
    throw new MillraceError(
      'SAGA_NOT_DEFINED',
      `No saga ${type} is defined. There are: ${known.join(', ') || 'none'}.`,
      {
        details: { type, known },
      },
    );
  }

  #measureInstances(): void {
    const { metrics } = this.#environment.telemetry;
    const instances = metrics.gauge({
      name: 'millrace_saga_instances',
      help: 'Sagas by type and status.',
      labels: ['saga', 'state'],
    });
    metrics.beforeCollect(async () => {
      for (const [saga, counts] of Object.entries(await this.counts())) {
        for (const [state, count] of Object.entries(counts)) instances.set(count, { saga, state });
      }
    });
  }
}

function notFound(type: string, id: string): MillraceError {
  return new MillraceError('SAGA_NOT_FOUND', `There is no saga ${type} with the id ${id}.`, { details: { type, id } });
}

function undoNames({ graph }: Saga): ReadonlyMap<string, string> {
  return new Map(
    [...graph.leaves.values()].flatMap(leaf => (leaf.kind === 'step' ? [[leaf.name, leaf.undoName]] : [])),
  );
}

/** The types of the events that sagas wait for. */
function awaitedBy(sagas: Iterable<Saga>): ReadonlySet<string> {
  const leaves = [...sagas].flatMap(({ graph }) => [...graph.leaves.values()]);
  return new Set(leaves.flatMap(leaf => (leaf.kind === 'wait' ? [leaf.event.type] : [])));
}

function byType(sagas: readonly Saga[]): Map<string, Map<number, Saga>> {
  const types = new Map<string, Map<number, Saga>>();
  for (const saga of sagas) {
    const versions = types.get(saga.type) ?? new Map<number, Saga>();
    if (versions.has(saga.version)) {
      throw new MillraceError('INVALID_DEFINITION', `Saga ${saga.type} has version ${saga.version} twice.`, {
        details: { type: saga.type, version: saga.version },
      });
    }
    types.set(saga.type, versions.set(saga.version, saga));
  }
  return types;
}
