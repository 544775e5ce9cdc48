import { isMillraceError } from '../../core/index.ts';
import type { Environment } from '../../processing/index.ts';
import type { OutgoingDelivery, Sender, SendResult } from './destination.ts';
import { type StoreWriter, StoreWrites } from './store-writer.ts';

/** Writes one event by itself, in a commit of its own: what redriving a dead letter does. */
export class StoreSender implements Sender {
  readonly #writer: StoreWriter;
  readonly #environment: Environment;

  constructor(writer: StoreWriter, environment: Environment) {
    this.#writer = writer;
    this.#environment = environment;
  }

  async send({ event, id }: OutgoingDelivery): Promise<SendResult> {
    const writes = new StoreWrites();
    writes.add(await this.#writer.write(event, id, this.#environment));
    try {
      await this.#environment.storage.commit(writes.effects() ?? {});
    } catch (thrown) {
      // An item or an event of this id is there already: it was delivered before.
      if (!isMillraceError(thrown, 'WORK_KEY_TAKEN', 'EVENT_ID_REUSED')) throw thrown;
    }
    return { kind: 'delivered' };
  }
}
