import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Faults } from './faults.ts';
import type { Ledger } from './services/ledger.ts';

const SERVICE = 'endpoint';

/**
 * The warehouse that wants to hear of big orders: an HTTP endpoint on this machine that fails a share of its requests. What it
 * receives goes into its books, under the id of the delivery.
 */
export class WarehouseEndpoint {
  readonly #ledger: Ledger;
  readonly #faults: Faults;
  readonly #server: Server;
  readonly #requests = new Map<string, number>();

  constructor(ledger: Ledger, faults: Faults) {
    this.#ledger = ledger;
    this.#faults = faults;
    this.#server = createServer((request, response) => void this.#receive(request, response));
  }

  /** Begins to listen and answers the URL. */
  async start(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/big-orders`;
  }

  /** The orders of which the warehouse has heard. */
  received(): ReadonlySet<string> {
    return this.#ledger.counts(SERVICE).standing;
  }

  /** Ends listening. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { orderId } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { orderId: string };
    const nth = (this.#requests.get(orderId) ?? 0) + 1;
    this.#requests.set(orderId, nth);
    if (this.#faults.endpointFails(orderId, nth)) {
      response.writeHead(500).end('try again');
      return;
    }
    this.#ledger.apply(SERVICE, orderId, String(request.headers['webhook-id']));
    response.writeHead(204).end();
  }
}
