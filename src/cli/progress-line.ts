import { Presets, SingleBar } from 'cli-progress';

const LINE_EVERY_MS = 5_000;

/** Shows how far something is: a bar with rate and expected end in a terminal, a plain line now and then elsewhere. */
export interface ProgressLine {
  update(done: number): void;
  /** Leaves the last state behind and ends. */
  end(): void;
}

/**
 * Progress whose total is known only when there is some: a line as `progressLine` shows it, or for programs one JSON object for
 * each line.
 */
export function lazyProgress(what: string, json: boolean, monotonic: () => number) {
  let line: ProgressLine | undefined;
  return {
    update(done: number, total: number): void {
      line ??= json ? jsonLines(what, total, monotonic) : progressLine(what, total, monotonic);
      line.update(done);
    },
    end: () => line?.end(),
  };
}

/** Begins to show progress on standard error. */
export function progressLine(what: string, total: number, monotonic: () => number): ProgressLine {
  return process.stderr.isTTY ? bar(what, total, monotonic) : plainLines(what, total, monotonic);
}

function bar(what: string, total: number, monotonic: () => number): ProgressLine {
  const shown = new SingleBar(
    {
      format: `${what} ▕{bar}▏ {percentage}%  {value}/{total}  {rate}/s  ETA {eta_formatted}`,
      barsize: 30,
      fps: 10,
      stream: process.stderr,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  const rate = rateMeter(monotonic);
  shown.start(total, 0, { rate: 0 });
  return { update: done => shown.update(done, { rate: rate(done) }), end: () => shown.stop() };
}

function plainLines(what: string, total: number, monotonic: () => number): ProgressLine {
  const rate = rateMeter(monotonic);
  let last = monotonic();
  let done = 0;
  let perSecond = 0;
  const print = (): void => {
    const left = perSecond > 0 ? `, about ${Math.ceil((total - done) / perSecond)} s left` : '';
    process.stderr.write(`${what}: ${done} of ${total} (${perSecond}/s${done < total ? left : ''})\n`);
  };
  return {
    update(value) {
      done = value;
      perSecond = rate(value);
      if (monotonic() - last < LINE_EVERY_MS) return;
      last = monotonic();
      print();
    },
    end: print,
  };
}

function jsonLines(what: string, total: number, monotonic: () => number): ProgressLine {
  let last = monotonic();
  let done = 0;
  const print = (): void => void process.stderr.write(`${JSON.stringify({ progress: what, done, total })}\n`);
  return {
    update(value) {
      done = value;
      if (monotonic() - last < LINE_EVERY_MS) return;
      last = monotonic();
      print();
    },
    end: print,
  };
}

/** The rate since the first call: a run that is resumed does not count what was there before. */
function rateMeter(monotonic: () => number): (done: number) => number {
  let first: { done: number; at: number } | undefined;
  return done => {
    first ??= { done, at: monotonic() };
    const seconds = (monotonic() - first.at) / 1000;
    return seconds > 0 ? Math.round((done - first.done) / seconds) : 0;
  };
}
