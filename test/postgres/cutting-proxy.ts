import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut: everything that has passed has passed, the rest is lost. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  readonly #bytesUntilCut: () => number;
  /** How many connections were cut. */
  cuts = 0;

  private constructor(target: URL, bytesUntilCut: () => number) {
    this.#bytesUntilCut = bytesUntilCut;
    this.#server = createServer(inner => {
      const outer = connect(Number(target.port), target.hostname);
      const pair: [Socket, Socket] = [inner, outer];
      this.#pairs.add(pair);
      let left = this.#bytesUntilCut();
      for (const [from, to] of [pair, [outer, inner]] as const) {
        from.on('error', () => undefined);
        from.on('close', () => {
          this.#pairs.delete(pair);
          to.destroy();
        });
        from.on('data', (chunk: Buffer) => {
          to.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left < 0) this.#cut(pair);
        });
      }
    });
  }

  /** Listens on a port of this machine; each connection is cut after a number of bytes in both directions. */
  static async open(url: string, bytesUntilCut: () => number = () => Number.POSITIVE_INFINITY): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(new URL(url), bytesUntilCut);
    await new Promise<void>(resolve => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The address with the way through here in it. */
  addressOf(url: string): string {
    const address = new URL(url);
    address.port = String((this.#server.address() as AddressInfo).port);
    return address.href;
  }

  /** Cuts all connections that are open. */
  cutAll(): void {
    for (const pair of this.#pairs) this.#cut(pair);
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #cut(pair: [Socket, Socket]): void {
    if (!this.#pairs.delete(pair)) return;
    this.cuts++;
    const [inner, outer] = pair;
    // What was written is still sent; then the server sees an end and the client a connection that is gone.
    outer.end();
    inner.resetAndDestroy();
  }
}
