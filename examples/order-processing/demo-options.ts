import type { FaultRates } from './faults.ts';

/** How the demo is run. */
export interface DemoOptions extends Omit<FaultRates, 'endpointFailureRate'> {
  /** File of purchases; the sample that comes with the demo by default. */
  readonly orders: string;
  /** Folder for the demo's files. */
  readonly data: string;
  /** Where the demo's facts are kept, as a URL; a file in the folder when it is undefined. */
  readonly store?: string;
  /** Port of the dashboard; any free one when it is undefined. */
  readonly port: number | undefined;
  /** Divides the waits between tries. */
  readonly timeScale: number;
  /** Goes on with the run that the folder holds, instead of starting over. */
  readonly resume: boolean;
}

/** Share of requests that the warehouse's endpoint fails: enough to see deliveries being tried again. */
export const ENDPOINT_FAILURE_RATE = 0.1;

/** What decides the figures of a run; a run can only be resumed with the same. */
export function decisive({ orders, seed, declineRate, flakyRate, store }: DemoOptions) {
  return { orders, seed, declineRate, flakyRate, ...(store === undefined ? {} : { store: withoutPassword(store) }) };
}

function withoutPassword(store: string): string {
  return store.replace(/(:\/\/[^:/@]*):[^@]*@/, '$1@');
}
