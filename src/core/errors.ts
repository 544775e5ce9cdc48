/**
 * Every way in which Millrace says no, in one closed list. Callers branch on `code`, never on the message;
 * `retryable` says whether the same call may succeed later without being changed.
 */
const ERROR_CODES = {
  // The log.
  REVISION_CONFLICT: { retryable: true, remedy: 'Read the stream again and decide anew.' },
  CONDITION_CONFLICT: { retryable: false, remedy: 'Read the events of the condition again and decide anew.' },
  EVENT_ID_REUSED: { retryable: false, remedy: 'Give the new content a new id.' },
  IDEMPOTENCY_KEY_REUSED: { retryable: false, remedy: 'Give the other request a key of its own.' },
  STREAM_ARCHIVED: { retryable: false, remedy: 'Restore the stream, or append to another one.' },
  STREAM_TOMBSTONED: { retryable: false, remedy: 'Use another name: this one is never written again.' },
  APPEND_FAILED: { retryable: false, remedy: 'See the cause; nothing was appended.' },
  LOAD_FAILED: { retryable: false, remedy: 'See the cause; the stored events are untouched.' },
  LIMIT_EXCEEDED: { retryable: false, remedy: 'Send less at once, or keep large content elsewhere and name it.' },
  SCHEMA_VIOLATION: { retryable: false, remedy: 'Correct the named fields and send the event again.' },
  UNKNOWN_EVENT_TYPE: { retryable: false, remedy: 'Register the type with defineEvent, or correct its name.' },
  UNKNOWN_EVENT_VERSION: { retryable: false, remedy: 'Add the missing upcaster to the definition of the event.' },
  COMMAND_REJECTED: { retryable: false, remedy: 'The decision rests on the current state; see the reason.' },

  // The commit.
  UNGUARDED_WRITE: {
    retryable: false,
    remedy: 'Write a collection only together with the cursor or stream that owns it.',
  },
  CHECKPOINT_CONFLICT: { retryable: true, remedy: 'Read the cursor again and continue from its checkpoint.' },
  LEASE_LOST: { retryable: true, remedy: 'Stop: another owner may hold this now. Claim it again to go on.' },
  WORK_KEY_TAKEN: { retryable: false, remedy: 'Use another key, or leave the existing item as it is.' },
  WORK_NOT_FOUND: { retryable: false, remedy: 'The item was settled or never existed.' },
  COLLECTION_NOT_DEFINED: { retryable: false, remedy: 'Define the collection before it is written or read.' },
  COLLECTION_MISMATCH: {
    retryable: false,
    remedy: 'Raise the version of what owns the collection, so that it gets a new one.',
  },
  TOPIC_NOT_DEFINED: { retryable: false, remedy: 'Define the topic before it is written or read.' },
  TOPIC_MISMATCH: { retryable: false, remedy: 'A topic keeps its number of partitions; use a new name.' },

  // The storage.
  STORAGE_OWNED: { retryable: true, remedy: 'Stop the other process, or talk to it at its address.' },
  STORAGE_CORRUPT: { retryable: false, remedy: 'Restore a backup; keep the damaged file for inspection.' },
  POSITIONS_DIFFER: { retryable: false, remedy: 'Import into an empty store, or have new positions written down.' },
  BACKUP_CORRUPT: { retryable: false, remedy: 'Use another backup; keep this one for inspection.' },
  STORAGE_FOREIGN: { retryable: false, remedy: 'Name another file; nothing in this one was changed.' },
  STORAGE_FULL: { retryable: true, remedy: 'Free disk space; reads go on and writes recover by themselves.' },
  STORAGE_READ_ONLY: {
    retryable: false,
    remedy: 'Make the file and its folder writable, or open it for reading only.',
  },
  STORAGE_UNAVAILABLE: {
    retryable: true,
    remedy: 'See that the file can be reached and try again; events with ids are never stored twice.',
  },
  STORAGE_FENCED: { retryable: false, remedy: 'Write to the store that was promoted; this one may not go on.' },
  REPLICA_DIVERGED: {
    retryable: false,
    remedy: 'Decide which store is right, and make the other one anew from an empty store.',
  },
  REPLICATION_BEHIND: {
    retryable: true,
    remedy: 'The append stands; wait longer, or see why the secondary is behind.',
  },
  LOG_REWOUND: {
    retryable: false,
    remedy:
      'Begin again from the position that is named, or from the beginning: what was seen behind it is no part of this log.',
  },
  STORAGE_CLOSED: { retryable: false, remedy: 'Open the storage again.' },
  STORAGE_VERSION: { retryable: false, remedy: 'Use the version of Millrace that wrote the file, or a newer one.' },

  // Sealed values.
  KEY_MISSING: { retryable: false, remedy: 'Give the keys of the store, the one that is named among them.' },
  KEY_WRONG: { retryable: false, remedy: 'Give the key that the store was written with; nothing was changed.' },
  KEY_UNAVAILABLE: { retryable: true, remedy: 'See that the service that holds the keys can be reached.' },
  SEALED_VALUE_INVALID: { retryable: false, remedy: 'Restore a backup; keep the damaged store for inspection.' },
  SUBJECT_FORGOTTEN: {
    retryable: false,
    remedy: 'Nothing more can be kept of a forgotten subject; one that begins anew needs a new name.',
  },

  // Processing and projections.
  PROCESSOR_FAILED: { retryable: false, remedy: 'See the cause; correct the handler and start it again.' },
  EVENT_PARKED: { retryable: false, remedy: 'Correct what it was parked for, then replay the parked events.' },
  SUBSCRIPTION_IN_USE: { retryable: false, remedy: 'End the other reader first, or use another name.' },
  PROJECTION_NOT_FOUND: { retryable: false, remedy: 'Check the name, or add the projection to defineApp.' },
  PROJECTION_FAILED: { retryable: false, remedy: 'See the cause; correct the projection and deploy it again.' },
  PROJECTION_CHANGED: {
    retryable: false,
    remedy: 'Raise the version of the projection, or deploy it with acceptChanges when its documents stay the same.',
  },
  PROJECTION_NOT_READY: { retryable: true, remedy: 'See where its builds stand, and do it again when they are ready.' },
  READ_MODEL_NOT_FOUND: { retryable: false, remedy: 'Check the name, or add its projection to defineApp.' },
  READ_MODEL_BEHIND: { retryable: true, remedy: 'Wait longer, or read without a position.' },
  QUERY_FAILED: { retryable: false, remedy: 'See the cause and correct the query.' },

  // Sagas.
  SAGA_NOT_DEFINED: { retryable: false, remedy: 'Check the name, or add the saga to defineApp.' },
  SAGA_NOT_FOUND: {
    retryable: false,
    remedy: 'Check the id; a saga exists from its start to the end of its retention.',
  },
  SAGA_NOT_PARKED: { retryable: false, remedy: 'See its status: only a saga that waits for a person can be repaired.' },
  SAGA_STATE_CONFLICT: {
    retryable: false,
    remedy: 'See its status and what it waits at; what you want is not possible there.',
  },
  SAGA_CANCELLED: { retryable: false, remedy: 'Somebody cancelled it: see the reason in the history of the saga.' },
  SAGA_FAILED: { retryable: false, remedy: 'See the failed step and its error in the history of the saga.' },
  STEP_TIMED_OUT: { retryable: true, remedy: 'The outcome is unknown: the step is tried again or undone.' },
  COMPENSATION_FAILED: {
    retryable: false,
    remedy: 'The saga is parked: repair the cause, then retry or settle the undo by hand.',
  },

  // Streams.
  TOPOLOGY_NOT_FOUND: { retryable: false, remedy: 'Check the name, or add the topology to defineApp.' },
  TOPOLOGY_FAILED: { retryable: false, remedy: 'See the cause; correct the topology and start it again.' },
  UNSUPPORTED_TRANSFORMATION: { retryable: false, remedy: 'Use one of the operators of the builder.' },
  UNSUPPORTED_WINDOW: { retryable: false, remedy: 'Use a supported window with a positive size and a stated grace.' },

  // Routing.
  UNSUPPORTED_DESTINATION: { retryable: false, remedy: 'Use one of the destinations that the router ships.' },
  INVALID_PATTERN: { retryable: false, remedy: 'Correct the pattern at the place that is named.' },
  DESTINATION_REFUSED: { retryable: false, remedy: 'Use a public address, or name its network in allowNetworks.' },
  DELIVERY_FAILED: {
    retryable: true,
    remedy: 'It is tried again on schedule; when that is used up it becomes a dead letter.',
  },
  DELIVERY_EXPIRED: {
    retryable: false,
    remedy: 'Redrive the dead letter if it is still of use, or give its destination more time.',
  },
  ROUTING_LOOP: { retryable: false, remedy: 'Change the routes, so that what they write does not come back to them.' },
  ROUTING_FAILED: { retryable: false, remedy: 'See the cause; the event stays in the log.' },

  // The edges.
  INVALID_ARGUMENT: { retryable: false, remedy: 'Correct the named value.' },
  INVALID_DEFINITION: { retryable: false, remedy: 'Correct the definition; nothing was started.' },
  INVALID_INPUT_FILE: { retryable: false, remedy: 'Correct the named line and run the same command again.' },
  MISSING_PACKAGE: { retryable: false, remedy: 'Install the named package beside millrace.' },
  UNSUPPORTED_NODE: { retryable: false, remedy: 'Install a newer Node.js.' },
  PORT_IN_USE: { retryable: true, remedy: 'Choose another port, or stop what listens there.' },
  NOT_ALLOWED: { retryable: false, remedy: 'Use an address of this machine, or a credential that may do this.' },
  NOT_FOUND: { retryable: false, remedy: 'Check the address.' },
  ALREADY_EXISTS: { retryable: false, remedy: 'Name another one, or move the existing one away.' },
  CLOSED: { retryable: false, remedy: 'The app was closed; create it again.' },
} as const satisfies Record<string, { retryable: boolean; remedy: string }>;

/** A code from the closed list; what callers compare. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** All codes, in the order in which they are documented. */
export const errorCodes = Object.keys(ERROR_CODES) as readonly ErrorCode[];

/** Values that explain an error: plain JSON, so that they survive threads, logs and HTTP. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** An error as plain data: what crosses threads and what dead letters and histories keep. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

const brand = Symbol.for('millrace.error');

/**
 * The one error class of Millrace. `code` says what happened, `details` holds the values, `remedy` what to do next;
 * the message holds all three for a person. `cause` is the error underneath, when there is one.
 */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'MillraceError';
    this.code = code;
    this.details = options.details ?? {};
  }

  /** Whether the same call may succeed later without being changed. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  /** What a caller can do about it, in one sentence. */
  get remedy(): string {
    return ERROR_CODES[this.code].remedy;
  }

  /** The error as plain data. */
  toJSON(): ErrorData {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** Whether a value is an error of Millrace, optionally with one of the given codes; true across copies of the package. */
export function isMillraceError(value: unknown, ...codes: readonly ErrorCode[]): value is MillraceError {
  if (typeof value !== 'object' || value === null || !(brand in value)) return false;
  return codes.length === 0 || codes.includes((value as MillraceError).code);
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
