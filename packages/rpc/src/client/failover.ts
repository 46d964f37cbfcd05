import type { RpcClient } from './client.ts';
import { BATCH_SIZE } from './connect.ts';
import { isDoubtful, RpcError, reasonOf } from './error.ts';
import { type Open, PeerGroup } from './peer-group.ts';

export interface FailoverOptions {
  /** Most hosts to which one request is sent before it has failed. Default: as many as there are. */
  readonly maxAttempts?: number | undefined;
  /** Most events in one request. Default 100. */
  readonly batchSize?: number;
}

/**
 * A client that speaks with one of several hosts. When that fails, it goes on to the next of the list, and behind the last to the
 * first. Connects when it has something to send.
 */
export function connectFailover<Host>(
  hosts: readonly Host[],
  open: Open<Host>,
  { maxAttempts = hosts.length, batchSize = BATCH_SIZE }: FailoverOptions = {},
): RpcClient {
  return new Failover(hosts, open, maxAttempts, batchSize);
}

class Failover<Host> extends PeerGroup<Host> {
  readonly #hosts: readonly Host[];
  readonly #maxAttempts: number;
  #current = 0;

  constructor(hosts: readonly Host[], open: Open<Host>, maxAttempts: number, batchSize: number) {
    super(open, batchSize);
    this.#hosts = hosts;
    this.#maxAttempts = maxAttempts;
  }

  protected async attempt(request: (client: RpcClient) => Promise<void>): Promise<void> {
    let doubtful: RpcError | undefined;
    const told = (error: unknown) =>
      doubtful === undefined || doubtful === error
        ? error
        : new RpcError(doubtful.code, `${doubtful.message} ${reasonOf(error)}`, { cause: error });
    for (let attempt = 1; ; attempt += 1) {
      const { client, at } = await this.#connected().catch((error: unknown) => {
        throw told(error);
      });
      try {
        return await request(client);
      } catch (error) {
        this.#leave(at);
        if (isDoubtful(error)) doubtful ??= error;
        if (attempt >= this.#maxAttempts || !this.usable) throw told(error);
      }
    }
  }

  /** A client of the first host, from the current one on, that can be reached. */
  async #connected(): Promise<{ readonly client: RpcClient; readonly at: number }> {
    for (let tried = 1; ; tried += 1) {
      const at = this.#current;
      try {
        return { client: await this.clientOf(this.#hosts[at]!), at };
      } catch (error) {
        this.#leave(at);
        if (tried >= this.#hosts.length || !this.usable) throw error;
      }
    }
  }

  /** Goes on to the next host, unless another request has gone there already. */
  #leave(at: number): void {
    if (this.#current === at) this.#current = (at + 1) % this.#hosts.length;
  }
}
