import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Where a record stands. */
export interface RecordPlace {
  readonly position: number;
  readonly stream: string;
  readonly revision: number;
  readonly recordedAt: number;
}

/** What a record holds; its tags, as JSON text, are passed beside it. */
export interface RecordContent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: string;
  readonly metadata: string | null;
  readonly occurredAt: number | null;
  readonly digest: string;
}

/** Bytes of a hash, of a record's as of a link's. */
export const HASH_BYTES = 32;

const NOTHING_BEFORE = new Uint8Array(HASH_BYTES);

/**
 * All of an event as it is stored, as one text, and another text for every other one: no name and no JSON text before the last one
 * holds a line break. `tags` is null when there are none. Checksum and hash of a record are taken of it; PostgreSQL puts the same
 * text together by itself.
 */
export function recordText(place: RecordPlace, content: RecordContent, tags: string | null): string {
  const { stream } = place;
  const { id, type, schemaVersion, data, metadata, digest, occurredAt } = content;
  return `${place.position}\n${place.revision}\n${place.recordedAt}\n${stream}\n${id}\n${type}\n${schemaVersion}\n${occurredAt ?? ''}\n${digest}\n${tags ?? ''}\n${metadata ?? ''}\n${data}`;
}

/** CRC-32 of a record: finds what a disk has changed, at a price that every read can pay. Protects against nobody. */
export function recordChecksum(text: string): number {
  return crc32(text);
}

/** SHA-256 of a text in hexadecimal digits, which are made faster than bytes: the digest of content, and what the hash chain holds of a record. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

/**
 * SHA-256 that ties the records of a group, by their hashes one after another, to all that was committed before. `previous` is the
 * hash of the link before; null for the first one.
 */
export function linkHash(previous: Uint8Array | null, first: number, last: number, records: Uint8Array): Buffer {
  const positions = Buffer.alloc(16);
  positions.writeBigUInt64BE(BigInt(first), 0);
  positions.writeBigUInt64BE(BigInt(last), 8);
  return hash('sha256', Buffer.concat([previous ?? NOTHING_BEFORE, positions, records]), 'buffer');
}

/** Bytes in hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  if (bytes instanceof Buffer) return bytes.toString('hex');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
