import { randomUUIDv7 } from 'node:crypto';
import { join } from 'node:path';
import type { Contestant, Surroundings } from '../harness/benchmark.ts';
import { runSagas, SAGA_STEPS, type SagaLoad } from '../workload/saga-load.ts';
import { FloorDatabase } from './floor-database.ts';
import { FloorLog } from './floor-log.ts';
import { collectionSchema } from './floor-schema.ts';

const TYPE = 'six-steps';
const QUEUE = `saga:${TYPE}`;
const TIMEOUT_MS = 30 * 60_000;

/**
 * The floor of sagas: for each one seven commits, one after another, of the rows that Millrace writes: an event and the document of
 * the saga each time, the item of work with the first and the last.
 */
export async function floorSagas(load: SagaLoad, { folder }: Surroundings): Promise<Contestant> {
  const database = new FloorDatabase(join(folder, 'floor.db'));
  const sagas = new FloorSagas(database);
  return { round: () => runSagas(load, id => sagas.run(id)), close: () => database.close() };
}

class FloorSagas {
  readonly #database: FloorDatabase;
  readonly #log: FloorLog;
  readonly #put;
  readonly #workState;
  readonly #enqueue;
  readonly #complete;

  constructor(database: FloorDatabase) {
    this.#database = database;
    this.#log = new FloorLog(database);
    const { database: connection } = database;
    connection.exec(collectionSchema(1, 'typeAndStatus'));
    this.#put = connection.prepare(
      'INSERT INTO documents_1 VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body',
    );
    this.#workState = connection
      .prepare<[string, string], string>('SELECT state FROM work WHERE queue = ? AND key = ?')
      .pluck();
    this.#enqueue = connection.prepare(
      `INSERT INTO work (queue, key, state, payload, due_at, attempts, created_at) VALUES (?, ?, 'ready', '{}', ?, 0, ?)`,
    );
    this.#complete = connection.prepare('DELETE FROM work WHERE queue = ? AND key = ?');
  }

  async run(id: string): Promise<void> {
    const stream = `$saga-${TYPE}:${id}`;
    const startedAt = Date.now();
    const correlationId = randomUUIDv7();
    const known = { type: TYPE, id, version: 1, deadline: startedAt + TIMEOUT_MS, correlationId, startedAt };
    const commit = (revision: number, event: { type: string; data: object }): Promise<number> => {
      const row = this.#log.row(stream, { ...event, metadata: { correlationId, causationId: correlationId } });
      const isFirst = revision === 0;
      const isLast = revision === SAGA_STEPS.length;
      const body = JSON.stringify(document(known, isLast ? undefined : SAGA_STEPS[revision]));
      return this.#database.submit(isFirst || isLast ? 4 : 3, () => {
        this.#log.check(stream, isFirst ? 'noStream' : revision - 1);
        const state = this.#workState.get(QUEUE, id);
        if (state !== (isFirst ? undefined : 'ready')) throw new Error(`the work of ${id} is ${state}`);
        const position = this.#log.write(stream, [row], Date.now());
        this.#put.run(stream, body);
        if (isFirst) this.#enqueue.run(QUEUE, id, startedAt, startedAt);
        if (isLast) this.#complete.run(QUEUE, id);
        return position;
      });
    };
    const begin = (step: string | undefined) => ({ step, undo: false, attempt: 1 });
    const { type, version, deadline } = known;
    const start = { type, version, id, input: { orderId: id }, deadline, begin: begin(SAGA_STEPS[0]) };
    await commit(0, { type: 'SagaStarted', data: start });
    for (let index = 0; index < SAGA_STEPS.length; index++) {
      const done = { step: SAGA_STEPS[index], attempt: 1, durationMs: 0, result: { done: true } };
      const next = SAGA_STEPS[index + 1];
      if (next === undefined) await commit(index + 1, { type: 'SagaCompleted', data: done });
      else await commit(index + 1, { type: 'SagaStepCompleted', data: { ...done, begin: begin(next) } });
    }
  }
}

/** The document of a saga that is at a step, or at its end. */
function document(known: object, step: string | undefined): object {
  const status = step === undefined ? 'COMPLETED' : 'RUNNING';
  return {
    ...known,
    status,
    step: step ?? null,
    undo: false,
    attempt: step === undefined ? 0 : 1,
    retryAt: null,
    updatedAt: Date.now(),
    endedAt: step === undefined ? Date.now() : null,
    failedStep: null,
    error: null,
    typeAndStatus: `${TYPE}:${status}`,
  };
}
