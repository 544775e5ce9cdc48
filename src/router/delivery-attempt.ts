import { type Span, SpanKind } from '@opentelemetry/api';
import { isMillraceError, messageOf } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { RecordedEvent } from '../store/index.ts';
import type { Destination, Sender, SendFailure, SendResult } from './destinations/destination.ts';
import { linksTo, traceparentOf } from './trace-context.ts';

/** What is delivered where. */
export interface AttemptParts {
  readonly id: string;
  readonly route: string;
  readonly destination: Destination;
  readonly sender: Sender;
  readonly event: RecordedEvent;
}

/** What came of an attempt and how long it took; `lost` when the delivery was taken away meanwhile. */
export type AttemptResult = (SendResult & { readonly durationMs: number }) | { readonly kind: 'lost' };

/**
 * Tries a delivery once, within its time. What a request still does after its time has no say any more: its signal aborts, and
 * its outcome counts as unknown.
 */
export function runAttempt(parts: AttemptParts, environment: Environment, lost: AbortSignal): Promise<AttemptResult> {
  if (lost.aborted) return Promise.resolve({ kind: 'lost' });
  const { clock, telemetry } = environment;
  const { destination, sender, event, id } = parts;
  const started = clock.monotonic();
  return telemetry.tracer.startActiveSpan(`send ${destination.name}`, spanOptions(parts), span => {
    return new Promise<AttemptResult>(resolve => {
      const abort = new AbortController();
      const finish = (result: SendResult | { readonly kind: 'lost' }): void => {
        timer.cancel();
        lost.removeEventListener('abort', onLost);
        describe(span, result);
        span.end();
        resolve(result.kind === 'lost' ? result : { ...result, durationMs: Math.round(clock.monotonic() - started) });
      };
      const onLost = (): void => {
        finish({ kind: 'lost' });
        abort.abort();
      };
      const timer = clock.schedule(destination.timeoutMs, () => {
        finish(timedOut(destination.timeoutMs));
        abort.abort();
      });
      lost.addEventListener('abort', onLost, { once: true });
      const traceparent = traceparentOf(span, event.metadata.traceparent);
      sender.send({ id, event, traceparent }, abort.signal).then(finish, thrown => finish(failureOf(thrown)));
    });
  });
}

function spanOptions({ id, route, destination, event }: AttemptParts) {
  return {
    kind: SpanKind.CLIENT,
    links: linksTo(event.metadata.traceparent),
    attributes: {
      'messaging.message.id': id,
      'messaging.message.conversation_id': event.metadata.correlationId,
      'millrace.route': route,
      'millrace.position': event.position,
      'millrace.endpoint': destination.name,
    },
  };
}

function describe(span: Span, result: SendResult | { readonly kind: 'lost' }): void {
  if (result.kind === 'lost') return;
  if (result.status !== undefined) span.setAttribute('http.response.status_code', result.status);
  if (result.kind === 'failed') {
    span.setAttribute('error.type', result.code);
    span.recordException(result.message);
  }
}

function timedOut(timeoutMs: number): SendFailure {
  const message = `It did not answer within ${timeoutMs} ms; whether it has the event is unknown.`;
  return { kind: 'failed', code: 'DELIVERY_FAILED', message, final: false };
}

/** What a sender threw, as a failure. An address that may not be reached stays one; anything else may pass. */
function failureOf(thrown: unknown): SendFailure {
  const refused = isMillraceError(thrown, 'DESTINATION_REFUSED');
  const code = refused ? 'DESTINATION_REFUSED' : 'DELIVERY_FAILED';
  return { kind: 'failed', code, message: messageOf(thrown) || nameOf(thrown), final: refused };
}

/** Errors of several connections at once have no message of their own. */
function nameOf(thrown: unknown): string {
  const { code, name } = thrown as { code?: string; name?: string };
  return code ?? name ?? 'It could not be called.';
}
