/*
 * The process of one contestant: loads the benchmark, starts its side of it, and runs a round whenever it is told to. Each side has
 * a heap, a compiler and an event loop of its own, and rests while the others run.
 */
import type { Benchmark, Contestant, Surroundings } from './benchmark.ts';
import { benchmarks } from './benchmarks.ts';

/** What the process is told. */
export type Order =
  | { readonly start: { readonly benchmark: string; readonly contestant: string; readonly surroundings: Surroundings } }
  | { readonly round: number }
  | { readonly close: true };

/** What the process answers. */
export type Answer = { readonly figures: Readonly<Record<string, number>> } | { readonly failure: string };

let contestant: Contestant | undefined;

async function obey(order: Order): Promise<Readonly<Record<string, number>>> {
  if ('start' in order) {
    const { benchmark: name, contestant: side, surroundings } = order.start;
    const benchmark = benchmarks.find(candidate => candidate.name === name) as Benchmark;
    contestant = await benchmark.contestants[side]?.(surroundings);
    return {};
  }
  if ('round' in order) {
    // What the round before left behind is not this round's to clear away. Not a full collection: that also makes the engine forget shapes
    // of which no object lives, so that a round would measure the compiler.
    globalThis.gc?.({ type: 'minor' });
    return (await contestant?.round(order.round)) ?? {};
  }
  await contestant?.close();
  return {};
}

process.on('message', (order: Order) => {
  obey(order).then(
    figures => {
      process.send?.({ figures } satisfies Answer);
      if ('close' in order) process.disconnect();
    },
    thrown =>
      process.send?.({ failure: thrown instanceof Error ? `${thrown.stack}` : String(thrown) } satisfies Answer),
  );
});
