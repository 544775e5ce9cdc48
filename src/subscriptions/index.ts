/**
 * Subscriptions: programs of your own that follow the log under a name. It stands on processing, beside projections, sagas, streams and
 * the router. Three words to know: *subscription* (what is called with each event), *checkpoint* (how far it has come), *parked* (an
 * event that it gave up and kept).
 */
export { CHECKPOINT_EVERY_DEFAULT, type NamedReading, readByName } from './named-reader.ts';
export type { ParkedEvent } from './parked-events.ts';
export type { PulledEvents, PullOptions, SettleOptions } from './pulled-subscription.ts';
export {
  defineSubscription,
  parked,
  type Subscription,
  type SubscriptionContext,
} from './subscription.ts';
export { SubscriptionEngine, type SubscriptionStatus } from './subscription-engine.ts';
