import { MillraceError, systemClock } from '../core/index.ts';
import type { ScavengeReport } from '../operations/index.ts';
import { EXIT } from './exit-code.ts';
import { interrupted } from './interrupt.ts';
import type { Output } from './output.ts';
import { lazyProgress } from './progress-line.ts';
import { StoreApi, type StoreFlags, withStore } from './store-api.ts';

/** What `scavenge` is told. */
export interface ScavengeFlags extends StoreFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly rate?: number;
}

/** Frees what may go; answers the exit code: 130 when it was interrupted, and can be begun again. */
export async function runScavenge(flags: ScavengeFlags, output: Output): Promise<number> {
  const { dryRun = false, yes = false } = flags;
  if (!dryRun && !yes) {
    throw new MillraceError(
      'INVALID_ARGUMENT',
      'A scavenge cannot be taken back. See what it would free with --dry-run; to free it, add --yes.',
    );
  }
  const report = flags.url === undefined ? await inStore(flags, output) : await atServer(flags.url, flags);
  const what = dryRun ? 'would be freed' : 'freed';
  output.result({ dryRun, ...report }, () => [
    `${report.events} events of ${report.streams} streams ${what}, ${report.bytes} bytes; ${report.looked} streams looked at`,
    ...(report.complete ? [] : ['It was ended before it had looked at everything: begin it again to go on.']),
  ]);
  return report.complete ? EXIT.ok : EXIT.interrupted;
}

function inStore({ rate, dryRun = false, ...flags }: ScavengeFlags, output: Output): Promise<ScavengeReport> {
  const ending = new AbortController();
  void interrupted().then(() => ending.abort());
  return withStore(flags, async app => {
    const progress = lazyProgress('scavenge', output.json, systemClock.monotonic);
    // What there is to free is what progress is measured by.
    const total = dryRun ? 0 : (await app.scavenge({ dryRun: true, signal: ending.signal })).events;
    const report = await app.scavenge({
      dryRun,
      signal: ending.signal,
      onProgress: ({ events }) => progress.update(events, Math.max(total, events)),
      ...(rate === undefined ? {} : { eventsPerSecond: rate }),
    });
    progress.end();
    return report;
  });
}

function atServer(url: string, { rate, dryRun = false }: ScavengeFlags): Promise<ScavengeReport> {
  const body = { dryRun, ...(rate === undefined ? {} : { eventsPerSecond: rate }) };
  return new StoreApi(url).json('/v1/scavenge', { method: 'POST', body });
}
