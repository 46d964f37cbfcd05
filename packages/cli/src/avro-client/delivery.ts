import { type RpcClient, RpcError } from '@millrace/rpc';

/** Sends lines and counts them. */
export class Delivery {
  /** Lines that were given to the client. */
  sent = 0;
  /** Lines of which it is known that the source has them. */
  acknowledged = 0;
  readonly #client: RpcClient;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(client: RpcClient, headers: Readonly<Record<string, string>>) {
    this.#client = client;
    this.#headers = headers;
  }

  /** Resolves when all lines are acknowledged. One request is on its way at a time: Flume takes several in any order. */
  async send(lines: readonly string[]): Promise<void> {
    const { batchSize } = this.#client;
    for (let from = 0; from < lines.length; from += batchSize) {
      const some = lines.slice(from, from + batchSize);
      this.sent += some.length;
      try {
        await this.#client.appendBatch(some.map((body) => ({ body, headers: this.#headers })));
      } catch (error) {
        if (error instanceof RpcError && error.code === 'MR_PEER_UNREACHABLE') this.sent -= some.length;
        throw error;
      }
      this.acknowledged += some.length;
    }
  }
}
