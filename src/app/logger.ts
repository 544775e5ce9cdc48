import { destination, pino } from 'pino';
import type { Logger } from '../core/index.ts';

/** How much a log says. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const STDERR = 2;

/**
 * A logger that writes one JSON object a line to standard error. It writes at once, so that the last words of a process that
 * ends are not lost.
 */
export function createLogger(level: LogLevel): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination({ fd: STDERR, sync: true }));
}
