import { useSignal } from '@preact/signals';

/** What to do with an empty log. */
export function GettingStarted() {
  const server = location.origin;
  return (
    <section class="card start" aria-labelledby="start-title">
      <h2 id="start-title">The log is empty. Three ways to begin</h2>
      <p class="muted">This page shows the first event as soon as it is there.</p>
      <ol class="ways">
        <Way title="Send an event over HTTP">
          {`curl ${server}/v1/streams/order-42/events \\
  -H 'content-type: application/json' \\
  -d '[{ "type": "OrderPlaced", "data": { "cents": 1250 } }]'`}
        </Way>
        <Way title="Append from a program">
          {`import { createMillrace } from 'millrace';

const app = await createMillrace({
  store: 'sqlite:./shop.db',
});
await app.append('order-42', [
  { type: 'OrderPlaced', data: { cents: 1250 } },
]);`}
        </Way>
        <Way title="See a whole system at work">{'npx millrace demo'}</Way>
      </ol>
    </section>
  );
}

function Way({ title, children }: { title: string; children: string }) {
  const copied = useSignal(false);
  return (
    <li>
      <div class="way-head">
        <h3>{title}</h3>
        <button
          type="button"
          class="button"
          aria-label={`Copy: ${title}`}
          onClick={async () => {
            await navigator.clipboard.writeText(children);
            copied.value = true;
          }}
        >
          {copied.value ? 'Copied' : 'Copy'}
        </button>
      </div>
      <pre>{children}</pre>
    </li>
  );
}
