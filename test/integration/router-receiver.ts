import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the receiver got it. */
export interface Received {
  readonly at: number;
  readonly id: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the receiver does about its nth request, counted from 1. */
type Answer = (response: ServerResponse, request: IncomingMessage, number: number) => void;

/** An HTTP endpoint on loopback that remembers what it receives and answers as it is told. */
export class RouterReceiver {
  readonly received: Received[] = [];
  readonly #server: Server;

  constructor(answer: Answer = response => response.writeHead(204).end()) {
    this.#server = createServer((request, response) => void this.#receive(request, response, answer));
  }

  /** Begins to listen and answers the URL of the endpoint. */
  async start(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
    const at = Date.now();
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // A sender that was killed while it sent has delivered nothing.
      return;
    }
    const { headers, url = '' } = request;
    const body = Buffer.concat(chunks).toString('utf8');
    this.received.push({ at, id: String(headers['webhook-id']), url, headers, body });
    answer(response, request, this.received.length);
  }
}
