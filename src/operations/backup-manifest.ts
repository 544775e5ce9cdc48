import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { canonicalJson, MillraceError } from '../core/index.ts';

const FORMAT = 'millrace-backup/1';
/** The file that says what else is in a folder; without it, a folder is no backup. */
export const MANIFEST_FILE = 'manifest.json';
/** The store, whole, in one file. */
export const STORE_FILE = 'store.db';

/** What a backup holds: written last, so that a folder with one is whole. */
export interface BackupManifest {
  readonly format: typeof FORMAT;
  /** ISO 8601. */
  readonly createdAt: string;
  /** The file that was copied, as it was named. */
  readonly source: string;
  /** Position of the last event. */
  readonly head: number;
  readonly events: number;
  /** SHA-256 over all events; see `VerifyReport`. */
  readonly contentHash: string;
  readonly chain: { readonly position: number; readonly hash: string } | null;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

/** The text of a manifest, with a hash of itself. */
export function manifestText(manifest: BackupManifest): string {
  return `${JSON.stringify({ ...manifest, sha256: hashOf(manifest) }, undefined, 2)}\n`;
}

/** Reads a manifest; throws `BACKUP_CORRUPT` when it is not what was written. */
export function parseManifest(text: string, folder: string): BackupManifest {
  try {
    const { sha256, ...manifest } = JSON.parse(text) as BackupManifest & { sha256: string };
    if (manifest.format === FORMAT && sha256 === hashOf(manifest)) return manifest;
  } catch {
    // What is no JSON is no manifest either.
  }
  throw new MillraceError(
    'BACKUP_CORRUPT',
    `${MANIFEST_FILE} in ${folder} is damaged, or was not written by this version of Millrace. Use another backup.`,
    { details: { folder } },
  );
}

/** SHA-256 and length of a file. */
export async function fileHash(
  file: string,
  onProgress: (bytes: number) => void,
): Promise<{ bytes: number; sha256: string }> {
  const sum = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    sum.update(chunk);
    bytes += chunk.length;
    onProgress(bytes);
  }
  return { bytes, sha256: sum.digest('hex') };
}

function hashOf(manifest: BackupManifest): string {
  return hash('sha256', canonicalJson(manifest));
}
