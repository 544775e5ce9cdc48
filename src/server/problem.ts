import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, isMillraceError, type Logger, MillraceError } from '../core/index.ts';
import { REQUEST_LIMITS } from './request-limits.ts';

/** The one place that knows which HTTP status an error has; 500 for a code that is not listed. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: 400,
  INVALID_PATTERN: 400,
  NOT_ALLOWED: 403,
  NOT_FOUND: 404,
  PROJECTION_NOT_FOUND: 404,
  READ_MODEL_NOT_FOUND: 404,
  SAGA_NOT_DEFINED: 404,
  SAGA_NOT_FOUND: 404,
  TOPOLOGY_NOT_FOUND: 404,
  TOPIC_NOT_DEFINED: 404,
  COMMAND_REJECTED: 409,
  SUBJECT_FORGOTTEN: 409,
  SUBSCRIPTION_IN_USE: 409,
  PROJECTION_CHANGED: 409,
  PROJECTION_NOT_READY: 409,
  SAGA_NOT_PARKED: 409,
  SAGA_STATE_CONFLICT: 409,
  EVENT_ID_REUSED: 409,
  LEASE_LOST: 409,
  CONDITION_CONFLICT: 412,
  REVISION_CONFLICT: 412,
  LIMIT_EXCEEDED: 413,
  IDEMPOTENCY_KEY_REUSED: 422,
  SCHEMA_VIOLATION: 422,
  UNKNOWN_EVENT_TYPE: 422,
  READ_MODEL_BEHIND: 503,
  KEY_UNAVAILABLE: 503,
  STORAGE_UNAVAILABLE: 503,
  STORAGE_CLOSED: 503,
  STORAGE_FENCED: 503,
  REPLICATION_BEHIND: 503,
  STORAGE_OWNED: 503,
  CLOSED: 503,
  STORAGE_FULL: 507,
};

const RETRY_AFTER_S = 1;
const MESSAGE_LENGTH_MAX = 200;

/** An error as RFC 9457 describes it: `application/problem+json`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode | 'INTERNAL';
  readonly retryable: boolean;
  readonly hint: string;
  readonly [member: string]: unknown;
}

/** What went wrong, for a client. An error that is not Millrace's own is not explained: it may hold what a client must not see. */
export function problemOf(thrown: unknown): Problem {
  const known = isMillraceError(thrown) ? thrown : requestError(thrown);
  if (known === undefined) {
    return problem('INTERNAL', 500, 'Something unexpected went wrong; the log of the server says what.', {
      retryable: false,
      remedy: 'Look into the log of the server.',
    });
  }
  return { ...known.details, ...problem(known.code, statusOf(thrown, known), known.message, known) };
}

/** What went wrong with a request, for its client; the log learns the cause of what no client can mend. */
export function reportedProblem(thrown: unknown, { method, url }: FastifyRequest, logger: Logger): Problem {
  const body = problemOf(thrown);
  if (body.status === 500) logger.error({ err: thrown, method, path: url.split('?')[0] }, 'a request failed');
  return body;
}

/** Answers with an error. */
export function sendProblem(reply: FastifyReply, body: Problem): FastifyReply {
  if (body.status === 503 || body.status === 507) reply.header('retry-after', RETRY_AFTER_S);
  return reply.code(body.status).type('application/problem+json').send(body);
}

function problem(
  code: Problem['code'],
  status: number,
  detail: string,
  { retryable, remedy }: { retryable: boolean; remedy: string },
): Problem {
  const slug = code.toLowerCase().replaceAll('_', '-');
  const title = slug.replaceAll('-', ' ').replace(/^./, letter => letter.toUpperCase());
  return { type: `urn:millrace:problem:${slug}`, title, status, detail, code, retryable, hint: remedy };
}

function statusOf(thrown: unknown, error: MillraceError): number {
  const given = (thrown as { statusCode?: unknown }).statusCode;
  return !isMillraceError(thrown) && typeof given === 'number' ? given : (STATUS[error.code] ?? 500);
}

/** What to do about errors of the HTTP layer that do not say so themselves, by status. */
const ADVICE: Readonly<Record<number, string>> = {
  413: `The limit is ${REQUEST_LIMITS.bodyBytes} bytes: send less at once.`,
  414: `The limit is ${REQUEST_LIMITS.parameterLength} characters.`,
  415: 'Send JSON, and say so: content-type: application/json',
};

/** An error of the HTTP layer itself (unreadable JSON, a body that is too large) in Millrace's words. */
function requestError(thrown: unknown): MillraceError | undefined {
  const { statusCode, message = 'It is malformed.' } = thrown as { statusCode?: number; message?: string };
  if (statusCode === undefined || statusCode >= 500) return undefined;
  const code = statusCode === 404 ? 'NOT_FOUND' : statusCode === 413 ? 'LIMIT_EXCEEDED' : 'INVALID_ARGUMENT';
  const reason = message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX)}…` : message;
  const advice = ADVICE[statusCode];
  const sentence = reason.replace(/[.:]?$/, '.');
  return new MillraceError(code, `The request cannot be read: ${sentence}${advice === undefined ? '' : ` ${advice}`}`);
}
