import { isMillraceError } from '../core/index.ts';
import { exitCodeOf } from './exit-code.ts';

/** The only way in which commands write: data to standard output, everything said beside it to standard error. */
export interface Output {
  readonly json: boolean;
  /** Prints a result: as one JSON value, or as the lines that people read. */
  result(value: unknown, lines: () => readonly string[]): void;
  /** Says something beside the result. */
  note(line: string): void;
  /** Says what went wrong and what to do; answers the exit code. */
  failure(thrown: unknown): number;
}

/** Makes the output of a command. */
export function createOutput(json: boolean): Output {
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  return {
    json,
    note,
    result(value, lines) {
      process.stdout.write(
        json
          ? `${JSON.stringify(value)}\n`
          : lines()
              .map(line => `${line}\n`)
              .join(''),
      );
    },
    failure(thrown) {
      const exitCode = exitCodeOf(thrown);
      if (isMillraceError(thrown)) {
        const { code, message, retryable, remedy: hint, details } = thrown;
        note(json ? JSON.stringify({ code, message, retryable, hint, exitCode, details }) : `${code}: ${message}`);
        if (!json && !message.includes(hint)) note(hint);
      } else {
        note(json ? JSON.stringify({ code: 'UNEXPECTED', message: String(thrown), exitCode }) : unexpected(thrown));
      }
      return exitCode;
    },
  };
}

function unexpected(thrown: unknown): string {
  return `Something unexpected went wrong. Please report it:\n${thrown instanceof Error ? thrown.stack : String(thrown)}`;
}
