import { type App, defineApp, type Projection } from 'millrace';
import { order } from './order.ts';
import { orderProcessing } from './order-processing-saga.ts';
import { customers, months } from './read-models.ts';
import { bigOrders } from './routes.ts';
import type { Services } from './services/services.ts';
import { customerSessions, weeklyRevenue } from './topologies.ts';

/** The order system: all five parts of Millrace on one log. There is no connection in it; the store is named when it starts. */
export function orderSystem(options: {
  services: Services;
  endpoint: string;
  timeScale: number;
  /** Default: the first version of each. */
  readModels?: readonly Projection[];
}): App {
  const { services, endpoint, timeScale, readModels = [customers, months] } = options;
  return defineApp({
    define: [
      order,
      orderProcessing(timeScale),
      ...readModels,
      weeklyRevenue,
      customerSessions,
      bigOrders(endpoint, timeScale),
    ],
    services,
  });
}
