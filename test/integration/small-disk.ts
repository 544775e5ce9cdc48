import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

const KILOBYTE = Buffer.alloc(1_024);

/** Whether this process may mount a disk of its own. */
export function canMountDisks(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mount-'));
  const mounted = mount(folder, 1);
  if (mounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

/** A real disk of a few megabytes that can be filled and freed. */
export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  /** Mounts it until the end of the test. */
  constructor(megabytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
    this.#ballast = join(this.folder, 'ballast');
    if (!mount(this.folder, megabytes)) throw new Error(`No disk could be mounted at ${this.folder}.`);
    onTestFinished(() => {
      spawnSync('umount', ['--lazy', this.folder]);
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Fills it until nothing, or only so many kilobytes, can be written. */
  fill(leftKilobytes = 0): void {
    const ballast = openSync(this.#ballast, 'a');
    try {
      for (;;) writeSync(ballast, KILOBYTE);
    } catch {
      // No space is left, which is what was wanted.
    } finally {
      closeSync(ballast);
    }
    if (leftKilobytes > 0) truncateSync(this.#ballast, statSync(this.#ballast).size - leftKilobytes * 1_024);
  }

  /** Frees what `fill` has taken. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }
}

function mount(folder: string, megabytes: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]).status === 0;
}
