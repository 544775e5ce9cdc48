import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node';

/** Counts what became of the tests, and collects why some were skipped. */
export class TestCount implements Reporter {
  #passed = 0;
  #failed = 0;
  readonly #skipped = new Map<string, number>();

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    // An error outside of any test, and a file that cannot even be loaded, count as one failed test each.
    this.#failed += errors.length;
    for (const module of modules) {
      if (module.errors().length > 0) this.#failed += 1;
      for (const test of module.children.allTests()) this.#countTest(test);
    }
  }

  /** Whether there were tests, and none failed. */
  get succeeded(): boolean {
    return this.#failures === 0;
  }

  /** Why tests were skipped, and as the last line the count: what `npm test` ends with. */
  report(): string {
    const lines = [...this.#skipped].map(
      ([reason, tests]) => `SKIPPED ${tests} ${tests === 1 ? 'test' : 'tests'}: ${reason}`,
    );
    const skipped = this.#skippedTests > 0 ? `, ${this.#skippedTests} skipped` : '';
    lines.push(`${this.#passed} passed, ${this.#failures} failed${skipped}`);
    return `\n${lines.join('\n')}\n`;
  }

  get #skippedTests(): number {
    return [...this.#skipped.values()].reduce((sum, tests) => sum + tests, 0);
  }

  /** A run that came to no test at all, because it broke before or found none, is itself a failure. */
  get #failures(): number {
    return this.#passed + this.#failed + this.#skippedTests === 0 ? 1 : this.#failed;
  }

  #countTest(test: TestCase): void {
    const result = test.result();
    if (result.state === 'passed') this.#passed += 1;
    else if (result.state === 'skipped') {
      const reason = result.note ?? reasonIn(test);
      this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1);
    } else this.#failed += 1;
  }
}

/** The reason that `skipUnless` left at the test or at a suite around it. */
function reasonIn(test: TestCase): string {
  for (let task: TestCase | TestSuite | TestModule = test; task.type !== 'module'; task = task.parent) {
    const { skipReason } = task.meta();
    if (skipReason !== undefined) return skipReason;
  }
  return `no reason is given in ${test.module.relativeModuleId}`;
}
