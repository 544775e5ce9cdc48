import { MillraceError } from '../core/index.ts';
import type { PostgresConnection } from './postgres-connection.ts';

/** The oldest server that the statements are tested on. */
const SERVER_VERSION_MIN = 140_000;

/** Throws `INVALID_ARGUMENT` when the server or its settings cannot keep the promises of the storage. */
export async function checkServer(connection: PostgresConnection): Promise<void> {
  const { shown } = connection.target;
  const row = await connection.row<[string, string, string, string]>(
    `SELECT current_setting('server_version_num'), current_setting('server_version'),
       current_setting('server_encoding'), current_setting('default_transaction_isolation')`,
  );
  const [versionNumber, version, encoding, isolation] = row as [string, string, string, string];
  if (Number(versionNumber) < SERVER_VERSION_MIN) {
    throw refused(`${shown} is PostgreSQL ${version}. Millrace needs version 14 or newer.`, { version });
  }
  if (encoding !== 'UTF8') {
    throw refused(
      `${shown} keeps texts as ${encoding}. Millrace needs a database that was made with the encoding UTF8.`,
      {
        encoding,
      },
    );
  }
  if (isolation !== 'read committed') {
    throw refused(
      `${shown} runs transactions at the isolation level ${isolation}, at which positions could be given out by an old view of the log. Set default_transaction_isolation of the database or the role to read committed.`,
      { isolation },
    );
  }
}

/** Whether what the server has committed survives the loss of power. */
export async function isDurable(connection: PostgresConnection): Promise<boolean> {
  const row = await connection.row<[string, string]>(
    `SELECT current_setting('fsync'), current_setting('synchronous_commit')`,
  );
  return row?.[0] === 'on' && row[1] !== 'off';
}

function refused(message: string, details: object): MillraceError {
  return new MillraceError('INVALID_ARGUMENT', message, { details: { ...details } });
}
