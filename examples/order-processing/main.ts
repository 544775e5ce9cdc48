import { fileURLToPath } from 'node:url';

/**
 * The order-processing example: what `millrace demo` runs. Read `app.ts` first; it names everything that the system is made of.
 */
export { type DemoReporter, type FinishedDemo, runDemo } from './demo.ts';
export type { DemoOptions } from './demo-options.ts';

/** The file of orders that comes with the example. */
export const sampleOrders = fileURLToPath(new URL('./cdnow/cdnow-sample.txt', import.meta.url));
