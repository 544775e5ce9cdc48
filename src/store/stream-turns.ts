/**
 * Lets those who decide on a stream take turns. Of all that decide at once only one can win, and the losers, deciding anew at
 * once, would meet again in the same group: taking turns costs nothing, and nobody runs out of tries.
 */
export class StreamTurns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs a function when all who asked before for one of these streams are through, at once when there are none. */
  async take<T>(streams: readonly string[], run: () => Promise<T>): Promise<T> {
    const before = streams.flatMap(stream => this.#last.get(stream) ?? []);
    const running = before.length === 0 ? run() : Promise.all(before).then(run);
    const through = running.then(ignore, ignore);
    for (const stream of streams) this.#last.set(stream, through);
    try {
      return await running;
    } finally {
      for (const stream of streams) if (this.#last.get(stream) === through) this.#last.delete(stream);
    }
  }
}

function ignore(): void {}
