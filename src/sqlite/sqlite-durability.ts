/** When a commit is acknowledged: after the sync, or (not durable when power fails) before it. */
export type Durability = 'durable' | 'relaxed';
