import { EXIT } from './exit-code.ts';

/**
 * Resolves at the first request to end (Ctrl-C, or SIGTERM from a supervisor). A second one ends the process at once: whoever
 * asks twice does not want to wait.
 */
export function interrupted(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(EXIT.interrupted);
      asked = true;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
