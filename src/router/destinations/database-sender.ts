import type { BoundValue, StatementTarget } from '../../storage/index.ts';
import type { RecordedEvent } from '../../store/index.ts';
import type { OutgoingDelivery, Sender, SendResult } from './destination.ts';

/** What a sender to a database is made of. */
interface DatabaseSenderParts {
  /** `sqlite:<file>` or `postgres://…`. */
  readonly database: string;
  readonly statement: string;
  readonly values: (event: RecordedEvent) => readonly BoundValue[];
}

const SQLITE = 'sqlite:';

/** Writes events to a database, each exactly once: the id of the delivery is noted in the transaction of the write. */
export class DatabaseSender implements Sender {
  readonly #parts: DatabaseSenderParts;
  #target: Promise<StatementTarget> | undefined;

  constructor(parts: DatabaseSenderParts) {
    this.#parts = parts;
  }

  async send({ id, event }: OutgoingDelivery): Promise<SendResult> {
    this.#target ??= this.#open();
    const opening = this.#target;
    const target = await opening.catch(thrown => {
      // What cannot be opened now may be there later.
      if (this.#target === opening) this.#target = undefined;
      throw thrown;
    });
    await target.runOnce(id, this.#parts.values(event));
    return { kind: 'delivered' };
  }

  async close(): Promise<void> {
    const target = await this.#target?.catch(() => undefined);
    await target?.close();
  }

  async #open(): Promise<StatementTarget> {
    const { database, statement } = this.#parts;
    if (!database.startsWith(SQLITE)) {
      const { openPostgresTarget } = await import('../../postgres/index.ts');
      return openPostgresTarget(database, statement);
    }
    const { openSqliteTarget } = await import('../../sqlite/index.ts');
    return openSqliteTarget(database.slice(SQLITE.length), statement);
  }
}
