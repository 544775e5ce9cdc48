import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The command line, as it is built. */
const MILLRACE = fileURLToPath(new URL('../bin/millrace.js', import.meta.url));

/** A run of the command line that has ended. */
export interface EndedRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of the command line as a process of its own. */
export interface MillraceRun {
  readonly process: ChildProcess;
  readonly ended: Promise<EndedRun>;
  /** Resolves with the first match in what it says on standard error; rejects when it ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** Ends it as a power cut would: at once, by its own process id. */
  kill(): Promise<EndedRun>;
}

const WITHOUT_PRIVILEGE = [
  'setpriv',
  '--bounding-set=-dac_override,-dac_read_search,-net_bind_service',
  '--',
  process.execPath,
];

/** Starts `millrace` with arguments; with `heldBack`, as somebody whom permissions concern. */
export function millrace(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; heldBack?: boolean } = {},
): MillraceRun {
  const { heldBack = false, ...surroundings } = options;
  // Permissions do not hold root back, unless it gives that privilege up.
  const [command = '', ...before] = heldBack && process.getuid?.() === 0 ? WITHOUT_PRIVILEGE : [process.execPath];
  const child = spawn(command, [...before, MILLRACE, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...surroundings });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const look of waiting) look();
  });
  const ended = new Promise<EndedRun>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    process: child,
    ended,
    said(pattern) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(stderr);
          if (found === null) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void ended.then(run =>
          reject(new Error(`It ended (${run.code ?? run.signal}) before it said ${pattern}:\n${run.stderr}`)),
        );
      });
    },
    kill() {
      child.kill('SIGKILL');
      return ended;
    },
  };
}
