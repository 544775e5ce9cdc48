/**
 * Replication: copies of the log in other stores, which can take over. It stands on processing, beside projections, sagas, streams, the
 * router and subscriptions. Three words to know: *primary* (the store that is appended to), *secondary* (a store that follows it),
 * *promotion* (a secondary becomes a primary, of the next epoch).
 */
export { type Fence, fenced } from './fence.ts';
export { LogEpochs } from './log-epochs.ts';
export { promote } from './promotion.ts';
export { type ReplicatedOptions, ReplicationEngine } from './replication-engine.ts';
export type { SecondaryState, SecondaryStatus } from './replicator.ts';
export { checkPrimary } from './store-role.ts';
