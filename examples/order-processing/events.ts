import { defineEvent } from 'millrace';
import { z } from 'zod';

const orderItem = z.object({ product: z.string(), quantity: z.number().int().nonnegative() });

/** An order as the shop received it. What is wrong with its content is for the saga to find out, not for the schema. */
export const orderSchema = z.object({
  orderId: z.string().min(1),
  customerId: z.string(),
  /** The day on which it was ordered, `YYYY-MM-DD`. */
  date: z.iso.date(),
  items: z.array(orderItem),
  cents: z.number().int().nonnegative(),
});

/** An order that the shop received. */
export type PlacedOrder = z.infer<typeof orderSchema>;

/** A customer ordered. */
export const OrderPlaced = defineEvent('OrderPlaced', { schema: orderSchema });

/** Everything that an order needs was done. */
export const OrderConfirmed = defineEvent('OrderConfirmed', { schema: orderSchema });

/** The order could not be accepted as it was. */
export const OrderRejected = defineEvent('OrderRejected', {
  schema: z.object({ orderId: z.string(), reason: z.string() }),
});

/** Something failed on the way, and what had been done was undone. */
export const OrderCancelled = defineEvent('OrderCancelled', {
  schema: z.object({ orderId: z.string(), reason: z.string() }),
});

/** How many pieces an order asks for. */
export function unitsOf(order: Pick<PlacedOrder, 'items'>): number {
  return order.items.reduce((units, item) => units + item.quantity, 0);
}
