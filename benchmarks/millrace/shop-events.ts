import { defineEvent } from 'millrace';
import { z } from 'zod';

/** The event of all benchmarks, as a program would define it. */
export const OrderPlaced = defineEvent('OrderPlaced', {
  schema: z.object({
    orderId: z.string(),
    customerId: z.string(),
    date: z.string(),
    items: z.array(z.object({ product: z.string(), quantity: z.number().int() })),
    cents: z.number().int(),
    note: z.string(),
  }),
});
