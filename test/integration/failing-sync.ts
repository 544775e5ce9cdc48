import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** While the file that the environment names exists, every sync fails as it does on a broken disk. */
const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int broken(void) {
  const char *sign = getenv("MILLRACE_TEST_BROKEN");
  return sign != NULL && access(sign, F_OK) == 0;
}

#define FAILING(name)                                          \\
  int name(int file) {                                         \\
    static int (*real)(int);                                   \\
    if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, #name); \\
    if (!broken()) return real(file);                          \\
    errno = EIO;                                               \\
    return -1;                                                 \\
  }

FAILING(fsync)
FAILING(fdatasync)
`;

/** A library that makes syncs fail in a process that is started with it. */
export class FailingSync {
  readonly env: Record<string, string>;
  readonly #sign: string;

  private constructor(library: string, sign: string) {
    this.env = { LD_PRELOAD: library, MILLRACE_TEST_BROKEN: sign };
    this.#sign = sign;
  }

  /** Builds it in a folder; undefined when there is no C compiler. */
  static build(folder: string): FailingSync | undefined {
    if (process.platform !== 'linux') return undefined;
    const library = join(folder, 'failing-sync.so');
    const args = ['-shared', '-fPIC', '-o', library, '-x', 'c', '-', '-ldl'];
    const { status } = spawnSync('cc', args, { input: SOURCE });
    return status === 0 ? new FailingSync(library, join(folder, 'broken')) : undefined;
  }

  /** From here on, syncs fail. */
  break(): void {
    writeFileSync(this.#sign, '');
  }

  /** From here on, syncs succeed again. */
  repair(): void {
    rmSync(this.#sign, { force: true });
  }
}
