import type { Figures } from '../harness/benchmark.ts';
import { latencyFigures } from '../harness/statistics.ts';
import { AppendPlan, type OrderData, orderData, type PlannedAppend } from './orders.ts';

/** How much is appended. */
export interface AppendLoad {
  readonly callers: number;
  /** Events of one append. */
  readonly events: number;
  /** Appends of one caller in one round. */
  readonly appends: number;
}

/** Appends some events and resolves once they are durable. */
export type Append = (append: PlannedAppend, data: readonly OrderData[]) => Promise<unknown>;

/** Callers that each wait for the answer to one append before they make the next one. */
export class Callers {
  readonly #load: AppendLoad;
  readonly #append: Append;
  readonly #plans: readonly AppendPlan[];

  constructor(load: AppendLoad, makeId: () => string, append: Append) {
    this.#load = load;
    this.#append = append;
    this.#plans = Array.from({ length: load.callers }, (_, caller) => new AppendPlan(caller, makeId));
  }

  /** Lets every caller make its appends; the rate is in events. */
  async round(): Promise<Figures> {
    const { callers, events, appends } = this.#load;
    const latencies = new Float64Array(callers * appends);
    const started = performance.now();
    await Promise.all(
      this.#plans.map(async (plan, caller) => {
        for (let index = 0; index < appends; index++) {
          const data = Array.from({ length: events }, (_, event) => orderData(index * events + event, 10_000));
          const asked = performance.now();
          await this.#append(plan.next(events), data);
          latencies[caller * appends + index] = performance.now() - asked;
        }
      }),
    );
    return latencyFigures(latencies, performance.now() - started, callers * appends * events);
  }
}
