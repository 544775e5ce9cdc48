/**
 * Core: what every part needs and none owns. It imports nothing of Millrace, so everything may import it.
 * Three words to know: *clock* (the only source of time), *error code* (the closed list), *telemetry* (ports, not exporters).
 */
import './node-version.ts';

export { type Backoff, checkBackoff, delayAfter } from './backoff.ts';
export { type Clock, type Scheduled, sleep, systemClock } from './clock.ts';
export { type Duration, milliseconds } from './duration.ts';
export {
  type ErrorCode,
  type ErrorData,
  type ErrorDetails,
  errorCodes,
  isMillraceError,
  MillraceError,
  messageOf,
} from './errors.ts';
export { HASH_BYTES, hexOf, linkHash, recordChecksum, recordText, sha256 } from './event-hash.ts';
export { GroupQueue, type GroupQueueOptions, type Outcome } from './group-queue.ts';
export { categoryOf, checkedName, createIdSource, type IdSource, SYSTEM_PREFIX } from './ids.ts';
export { type Bound, type ReadCondition, readCondition } from './index-condition.ts';
export { canonicalJson, type Json } from './json.ts';
export { JSON_FORM, type JsonLoss, jsonLossOf } from './json-loss.ts';
export { partitionOfKey } from './partition-of-key.ts';
export { type Random, seededRandom, systemRandom } from './random.ts';
export { secureBytes } from './secure-bytes.ts';
export {
  type Counter,
  type Gauge,
  type Histogram,
  type Labels,
  type Logger,
  type MetricDefinition,
  type Metrics,
  silentTelemetry,
  type Telemetry,
} from './telemetry.ts';
