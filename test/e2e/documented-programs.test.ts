import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createMillrace, defineApp, defineSubscription, openStorage, systemClock } from 'millrace';
import { startServer } from 'millrace/server';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { needsPostgres, type PostgresServer, startPostgres } from '../postgres/postgres-server.ts';
import { projectFolder } from '../project-folder.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const root = dirname(dirname(import.meta.dirname));

/** What a page leaves to its reader. What is declared and not named here is undefined. */
const GIVEN: Readonly<Record<string, string>> = {
  services: "{ charge: async () => ({ ok: true, busy: false, payment: 'p-1' }), refund: async () => undefined }",
  sendMail: 'async () => undefined',
  print: 'async payment => console.log(payment)',
  billing: `await (async () => {
    const app = await createMillrace({ app: defineApp({ define: [invoices] }), store: 'memory:' });
    await app.append('order-1', [OrderPaid({ payment: 'p-1' })]);
    return app;
  })()`,
};
/** What operates on something that the page does not have, such as a rebuild that has come far enough, is compiled and not run. */
const COMPILED_ONLY = /\bapp\.(projections|queries|streams|scavenge|tenant|allTenants)\b/;
/** How long a program waits for the first event of a loop that would go on for ever. */
const FIRST_EVENT_MS = 3_000;

/** The code of a page, all its blocks of one language in their order; those in lists included. */
function codeOf(page: string, language: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(new RegExp(`^( *)\`\`\`${language}\n(.*?)^ *\`\`\`$`, 'gms'))].map(
    ([, , code]) => code ?? '',
  );
}

/** The program that the blocks of a page are, one after another: what the reader has to bring is given, and loops end after an event. */
function programOf(page: string): string {
  const code = codeOf(page, 'ts')
    .filter(block => !COMPILED_ONLY.test(block))
    .join('\n')
    .replace(
      /^declare (?:const|let|function) (\w+)[^;]*;$/gm,
      (_, name: string) => `const ${name}: any = ${GIVEN[name] ?? 'undefined'};`,
    )
    .replace(/^for await \(const (.+?) of (.+?)\) (?=\S)/gm, 'for await (const $1 of firstOf($2)) ')
    .replace(/port: \d+/g, 'port: 0');
  return `${code}
async function* firstOf(events: AsyncGenerator<any>) {
  const late = Symbol();
  const first = await Promise.race([events.next(), new Promise(resolve => setTimeout(resolve, ${FIRST_EVENT_MS}, late))]) as any;
  void events.return(undefined);
  if (first !== late && !first.done) yield first.value;
}
process.exit(0);
`;
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: number | null; said: string }> {
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said: string[] = [];
  child.stdout.on('data', data => said.push(String(data)));
  child.stderr.on('data', data => said.push(String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said: said.join('') };
}

/** A project that has installed Millrace, with the program of a page. */
function projectOf(page: string, program: string): string {
  return projectFolder({
    'package.json': JSON.stringify({ type: 'module' }),
    [`${basename(page, '.md')}.ts`]: program,
  });
}

let server: PostgresServer | undefined;
if (needsPostgres.skip !== true) {
  server = await startPostgres();
  afterAll(() => server?.stop());
}

describe('what the documentation shows', { timeout: 120_000 }, () => {
  test('the guide is a program that runs', async () => {
    const folder = projectOf('docs/guide.md', programOf('docs/guide.md'));
    const { code, said } = await run(process.execPath, ['guide.ts'], folder);
    expect(said).not.toMatch(/Error|UNSUPPORTED/);
    expect([code, said.includes('http://127.0.0.1:')]).toEqual([0, true]);
  });

  test.skipIf(server === undefined)('the page of PostgreSQL is a program that runs', async () => {
    const store = `${server?.url}?schema=documented`;
    await (await createMillrace({ store })).close();
    const program = programOf('docs/postgresql.md').replaceAll('postgres://shop_app@db.internal/shop', store);
    const { code, said } = await run(process.execPath, ['postgresql.ts'], projectOf('docs/postgresql.md', program));
    expect([code, said]).toEqual([0, '']);
  });

  test('the requests of the HTTP API are answered', async () => {
    const served = await createMillrace({
      app: defineApp({ define: [defineSubscription('invoices', {})] }),
      store: 'memory:',
    });
    // An app takes the events that it defines; without one any are taken.
    const open = await createMillrace({ store: served.storage });
    const listening = await startServer({ app: served });
    const free = await startServer({ app: open });
    const blocks = codeOf('docs/http-api.md', 'sh');
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) {
      const address = block.includes('/subscriptions/') ? listening.address : free.address;
      const script = block.replaceAll('localhost:8420', address).replaceAll('curl ', 'curl -sS --fail-with-body ');
      expect(await run('bash', ['-euc', script], temporaryFolder()), block).toMatchObject({ code: 0 });
    }
    await listening.close();
    await free.close();
    await open.close();
    await served.close();
  });

  test('the commands for operating a store do what the page says', async () => {
    const folder = temporaryFolder();
    const store = await createMillrace({
      store: `sqlite:${join(folder, 'shop.db')}`,
      secondaries: { standby: `sqlite:${join(folder, 'standby.db')}` },
    });
    const { replicated } = await store.append('order-1', [{ type: 'OrderPlaced', data: { cents: 1 } }]);
    await replicated('standby');
    await store.close();
    for (const block of codeOf('docs/operations.md', 'sh')) {
      const script = block.replaceAll('npx millrace', `"${process.execPath}" "${join(root, 'bin/millrace.js')}"`);
      expect(await run('bash', ['-euc', script], folder), block).toMatchObject({ code: 0 });
    }
    const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    for (const name of ['restored', 'standby']) {
      const storage = await openStorage(`sqlite:${join(folder, `${name}.db`)}`, { clock: systemClock, logger: silent });
      expect(await storage.log.head()).toBe(1);
      await storage.close();
    }
  });
});
