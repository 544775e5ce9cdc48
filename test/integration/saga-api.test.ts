import { createMillrace, declined, defineApp, defineEvent, defineSaga, needsPerson } from 'millrace';
import { startServer } from 'millrace/server';
import { expect, onTestFinished, test } from 'vitest';
import { millrace } from '../child-process.ts';
import { anySchema } from './any-schema.ts';

const Paid = defineEvent('Paid', { schema: anySchema<{ cents: number }>() });

const trip = defineSaga('Trip', 1)
  .input(anySchema<{ to: string; day?: number }>())
  .step('book', {
    run: async ({ input }) => ({ to: input.to }),
    undoName: 'Cancel booking',
    compensate: async () => undefined,
  })
  .waitFor('payment', { event: Paid, correlate: ({ input }) => ({ stream: `payment-${input.to}` }) })
  .step('go', {
    run: async ({ input, results }) => {
      if (results.payment.cents === 0) throw declined('Nobody travels for nothing.');
      if (input.day === undefined) throw needsPerson('On which day?');
      return `on day ${input.day}`;
    },
    compensate: 'none-needed',
  })
  .build();

/** As much of the answers as is looked at here. */
interface Answer {
  readonly status: string;
  readonly items: readonly unknown[];
  readonly timeline: readonly unknown[];
  readonly steps: readonly { readonly name: string; readonly status: string; readonly executedAt: string }[];
}

async function served() {
  const app = await createMillrace({ app: defineApp({ define: [trip] }), store: 'memory:' });
  const server = await startServer({ app });
  onTestFinished(async () => {
    await server.close();
    await app.close();
  });
  const call = async (path: string, body?: object) => {
    const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${server.address}/v1/sagas${path}`, body === undefined ? {} : sent);
    return { status: response.status, body: (await response.json()) as Answer };
  };
  const statusOf = async (id: string) => (await call(`/Trip/${id}`)).body.status;
  return { app, server, call, statusOf };
}

test('sagas are started, listed, held, settled and cancelled over HTTP', async () => {
  const { app, call, statusOf } = await served();
  const start = { id: '1', input: { to: 'Rome' } };
  expect(await call('/Trip', start)).toMatchObject({ status: 201, body: { status: 'RUNNING', step: 'book' } });
  expect(await call('/Trip', start)).toMatchObject({ status: 200, body: { id: '1' } });
  expect(await call('/Trip', { ...start, onConflict: 'reject' })).toMatchObject({
    status: 409,
    body: { code: 'ALREADY_EXISTS' },
  });
  await expect.poll(() => statusOf('1')).toBe('WAITING');
  const listed = await call('/Trip?waitingFor=Paid&idleFor=0ms&limit=5');
  expect(listed).toMatchObject({ status: 200, body: { items: [{ id: '1', waitingFor: 'Paid', status: 'WAITING' }] } });
  expect((await call('/Trip?olderThan=1d')).body.items).toEqual([]);
  expect(await call('/Trip?olderThan=soon')).toMatchObject({ status: 400, body: { code: 'INVALID_ARGUMENT' } });

  const because = { reason: 'holidays', by: 'ada' };
  expect(await call('/Trip/1/pauses', because)).toMatchObject({ status: 200, body: { status: 'PAUSED' } });
  expect(await call('/Trip/1/pauses', because)).toMatchObject({ status: 409, body: { code: 'SAGA_STATE_CONFLICT' } });
  expect(await call('/Trip/1/resumptions', because)).toMatchObject({ status: 200 });
  await app.append('payment-Rome', [Paid({ cents: 12 })]);
  await expect.poll(() => statusOf('1')).toBe('PARKED');
  const { body } = await call('/Trip/1');
  expect(body.timeline.at(-1)).toMatchObject({
    type: 'SagaParked',
    step: 'go',
    reason: 'step',
    error: { message: 'On which day?' },
  });
  expect(await call('/Trip/1/retries', { ...because, input: { to: 'Rome', day: 3 } })).toMatchObject({ status: 200 });
  const result = await call('/Trip/1/result?within=20s');
  expect(result.body).toMatchObject({
    status: 'COMPLETED',
    allSuccessful: true,
    results: { go: 'on day 3' },
    compensations: [],
  });
  expect(result.body.steps.map(({ name, status }) => [name, status])).toEqual([
    ['book', 'COMPLETED'],
    ['payment', 'COMPLETED'],
    ['go', 'COMPLETED'],
  ]);
  const at = result.body.steps[0]?.executedAt ?? '';
  expect(at).toBe(new Date(at).toISOString());

  await call('/Trip', { id: '2', input: { to: 'Oslo' } });
  await expect.poll(() => statusOf('2')).toBe('WAITING');
  expect(await call('/Trip/2/cancellations', { by: 'ada' })).toMatchObject({
    status: 400,
    body: { code: 'INVALID_ARGUMENT' },
  });
  expect(await call('/Trip/2/cancellations', because)).toMatchObject({ status: 200 });
  expect((await call('/Trip/2/result?within=20s')).body).toMatchObject({
    status: 'CANCELLED',
    compensations: [{ name: 'Cancel booking', undoes: 'book', status: 'COMPLETED' }],
  });
  expect((await call('')).body).toEqual({ counts: { Trip: { COMPLETED: 1, CANCELLED: 1 } } });
});

test('the command line starts sagas, lists them, and does with them what a person does', async () => {
  const { app, server } = await served();
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await millrace(['saga', ...args, '--server', server.address]).ended;
    return { code, stdout, stderr };
  };
  expect(await run('start', 'Trip', '7', '{"to":"Rome"}')).toMatchObject({ code: 0, stdout: /^Trip 7 {2}RUNNING/ });
  await expect.poll(async () => (await app.sagas.get('Trip', '7')).status).toBe('WAITING');
  const [noJson, again, counts, waiting, none, notParked] = await Promise.all([
    run('start', 'Trip', '7', '{"to":', '--json'),
    run('start', 'Trip', '7', '{"to":"Rome"}', '--reject'),
    run('ls'),
    run('ls', 'Trip', '--waiting-for', 'Paid'),
    run('ls', 'Trap'),
    run('skip-undo', 'Trip', '7', '--reason', 'x'),
  ]);
  expect(noJson).toMatchObject({ code: 2, stderr: /<input> is no JSON/ });
  expect(again).toMatchObject({ code: 4, stderr: /ALREADY_EXISTS/ });
  expect(counts).toMatchObject({ code: 0, stdout: 'Trip  WAITING 1\n' });
  expect(waiting.stdout).toMatch(/^Trip 7 {2}WAITING {2}at payment {2}waiting for Paid {2}since /);
  expect(none).toMatchObject({ code: 3, stderr: /There are: Trip/ });
  expect(notParked).toMatchObject({ code: 4, stderr: /SAGA_NOT_PARKED/ });
  const settle = ['complete', 'Trip', '7', '--step', 'payment', '--result', '{"cents":0}'];
  expect(await run(...settle, '--reason', 'paid in cash', '--by', 'ada', '--json')).toMatchObject({ code: 0 });
  const { code, stdout } = await run('result', 'Trip', '7', '--within', '20s');
  expect(code).toBe(7);
  expect(stdout).toMatch(
    /^Trip 7 {2}COMPENSATED\n {2}book {2}COMPLETED.*\n {2}payment {2}COMPLETED\n {2}go {2}FAILED {2}Nobody travels/,
  );
  expect((await run('get', 'Trip', '7')).stdout).toMatch(/SagaStepSettled {2}payment {2}\(paid in cash\)/);
});
