import { sleep } from '../../core/index.ts';
import { answerWithStream } from '../answer-with-stream.ts';
import type { EventStream } from '../event-stream.ts';
import type { RouteContext } from '../route-context.ts';

/** How often the page is told what has changed. */
const FRAME_MS = 1_000;

/** How the log grew lately; then where everything stands, once a second, for as long as someone looks. */
export function liveRoutes(context: RouteContext): void {
  context.server.get('/v1/live', (request, reply) =>
    answerWithStream(context, request, reply, stream => feed(context, stream)),
  );
}

async function feed({ app, clock, history }: RouteContext, stream: EventStream): Promise<void> {
  await stream.send({ event: 'history', data: { samples: history.samples() } });
  let last = history.recent() ?? { head: await app.storage.log.head(), monotonic: clock.monotonic() };
  while (!stream.signal.aborted) {
    const now = { head: await app.storage.log.head(), monotonic: clock.monotonic() };
    const seconds = (now.monotonic - last.monotonic) / 1000;
    const appendsPerSecond = seconds > 0 ? (now.head - last.head) / seconds : 0;
    const [sagas, deliveries] = await Promise.all([app.sagas.counts(), app.router.deliveries()]);
    const { projections, processors } = app.status();
    const frame = { head: now.head, at: clock.now(), appendsPerSecond, projections, processors, sagas, deliveries };
    await stream.send({ event: 'frame', data: frame });
    last = now;
    await sleep(clock, FRAME_MS, stream.signal);
  }
}
