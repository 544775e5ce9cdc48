import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../free-port.ts';
import { skipUnless } from '../skip-unless.ts';
import { unprivilegedAccount } from './postgres-server.ts';

/** A real PgBouncer that gives out connections by transaction. */
export interface TransactionPooler {
  /** The address of a database, through the pooler. */
  addressOf(url: string): string;
  stop(): Promise<void>;
}

/** Connections to the server that all clients share: fewer than there are clients, so that they change hands. */
const SERVER_CONNECTIONS = 6;

const program = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']
  .map(folder => join(folder, 'pgbouncer'))
  .find(path => existsSync(path));

/** Options for tests that need the pooler. */
export const needsPooler = skipUnless('PgBouncer', program !== undefined, 'apt-get install pgbouncer');

/** Starts a pooler before the server of an address. */
export async function startPooler(server: string): Promise<TransactionPooler> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pooler-'));
  const port = await freePort();
  const config = join(folder, 'pgbouncer.ini');
  writeFileSync(config, settings(new URL(server), port), { mode: 0o600 });
  const account = unprivilegedAccount();
  if (account !== undefined) {
    chmodSync(folder, 0o711);
    chownSync(config, account.uid, account.gid);
  }
  // The shell ends the pooler when its input ends: also when this process is gone, however it ended.
  const script = '"$1" -q "$2" & pid=$!; cat >/dev/null; kill "$pid"; wait "$pid"; exit 0';
  const child = spawn('sh', ['-c', script, 'sh', program as string, config], {
    ...account,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  await answers(port, child);
  return {
    addressOf(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      through.searchParams.delete('sslmode');
      return through.href;
    },
    async stop() {
      child.stdin?.end();
      if (child.exitCode === null) await new Promise(resolve => child.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function settings({ hostname, port, username, password }: URL, listen: number): string {
  const login = [
    `user=${decodeURIComponent(username)}`,
    ...(password === '' ? [] : [`password=${decodeURIComponent(password)}`]),
  ];
  return [
    '[databases]',
    `* = host=${hostname} port=${port === '' ? '5432' : port} ${login.join(' ')}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${listen}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${SERVER_CONNECTIONS}`,
    'max_client_conn = 2000',
    '',
  ].join('\n');
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended with ${child.exitCode} before it answered.`);
    const open = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
