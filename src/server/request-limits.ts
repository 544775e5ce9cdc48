/** How much a request may hold: what a store and a process of ordinary size take in without holding up others. */
export const REQUEST_LIMITS = {
  bodyBytes: 8 * 1024 * 1024,
  /** Objects and arrays within each other, in one event. */
  nesting: 200,
  /** A name or key in the path, as it is sent. */
  parameterLength: 1_024,
} as const;
