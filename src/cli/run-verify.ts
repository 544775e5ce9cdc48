import { MillraceError, systemClock } from '../core/index.ts';
import { parseCheckpoint, signCheckpoint, type VerifyReport, verifyLog } from '../operations/index.ts';
import { EXIT } from './exit-code.ts';
import { openLog } from './open-log.ts';
import type { Output } from './output.ts';
import { lazyProgress } from './progress-line.ts';
import { shownStore } from './shown-store.ts';
import { readUserFile, writeUserFile } from './user-file.ts';

/** What `millrace verify` is told. */
export interface VerifyFlags {
  readonly store: string;
  readonly checkpoint?: readonly string[];
  readonly publicKey?: string;
  readonly structure: boolean;
  readonly json?: boolean;
}

/** Checks a log; answers the exit code. */
export async function runVerify(flags: VerifyFlags, output: Output): Promise<number> {
  const checkpoints = (flags.checkpoint ?? []).map(file => parseCheckpoint(readUserFile(file), file));
  const publicKey = flags.publicKey === undefined ? undefined : readUserFile(flags.publicKey);
  const progress = lazyProgress('verify', output.json, systemClock.monotonic);
  const log = await openLog(flags.store);
  try {
    const report = await verifyLog(log, {
      checkpoints,
      structure: flags.structure,
      onProgress: progress.update,
      ...(publicKey === undefined ? {} : { publicKey }),
    });
    progress.end();
    output.result({ store: shownStore(flags.store), ...report, checkpoints: checkpoints.length }, () =>
      reportLines(report),
    );
    if (checkpoints.length > 0 && publicKey === undefined) {
      output.note('The signatures of the checkpoints were not checked: name the key with --public-key.');
    }
    return report.ok ? EXIT.ok : EXIT.checkFailed;
  } finally {
    await log.close();
  }
}

/** Checks a log and signs its end; answers the exit code. */
export async function runCheckpoint(
  { key, store, out }: { key: string; store: string; out?: string },
  output: Output,
): Promise<number> {
  const privateKey = readUserFile(key);
  const progress = lazyProgress('verify', output.json, systemClock.monotonic);
  const log = await openLog(store);
  try {
    const report = await verifyLog(log, { onProgress: progress.update });
    progress.end();
    if (!report.ok) {
      for (const line of reportLines(report)) output.note(line);
      output.note('Nothing was signed: a checkpoint is for a log that is what was written.');
      return EXIT.checkFailed;
    }
    const link = await log.audit.lastLink(report.head);
    if (link === undefined) throw noChain(store);
    const checkpoint = signCheckpoint(link, privateKey, new Date(systemClock.now()));
    const text = `${JSON.stringify(checkpoint)}\n`;
    if (out !== undefined) writeUserFile(out, text);
    else output.result(checkpoint, () => [text.trimEnd()]);
    output.note(`Signed: ${link.last} events. Keep the checkpoint where whoever can write to the store cannot.`);
    return EXIT.ok;
  } finally {
    await log.close();
  }
}

function noChain(store: string): MillraceError {
  return new MillraceError(
    'INVALID_ARGUMENT',
    `${store} has no hash chain that could be signed: nothing was appended to it with the chain turned on.`,
    { details: { store } },
  );
}

/** A report as people read it. */
export function reportLines(report: VerifyReport): string[] {
  const { findings, found, events, streams, chain, unlinked, unchecked } = report;
  const more = found - findings.length;
  return [
    ...findings.map(({ kind, message }) => `${kind}  ${message}`),
    ...(more > 0 ? [`… and ${more} more`] : []),
    `${report.ok ? 'OK' : 'NOT OK'}: ${events} events in ${streams} streams, ${found} findings`,
    `content ${report.contentHash}`,
    chain === null ? 'no hash chain' : `chain   ${chain.hash} at position ${chain.position}`,
    ...(unlinked > 0 && chain !== null
      ? [`${unlinked} events stand in no link: the chain was turned off, or was not there yet`]
      : []),
    ...(unchecked > 0 ? [`${unchecked} events have no checksum: they are older than checksums`] : []),
  ];
}
