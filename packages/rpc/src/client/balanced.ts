import type { RpcClient } from './client.ts';
import { BATCH_SIZE } from './connect.ts';
import { isDoubtful, RpcError, reasonOf } from './error.ts';
import { type BalanceOptions, HostOrder } from './host-order.ts';
import { type Open, PeerGroup } from './peer-group.ts';

export interface BalancedOptions extends BalanceOptions {
  /** Most events in one request. Default 100. */
  readonly batchSize?: number;
}

/** A client that gives each request to another of several hosts, and to the next ones when that fails. Connects when it has something to send. */
export function connectBalanced<Host>(
  hosts: readonly Host[],
  open: Open<Host>,
  { batchSize = BATCH_SIZE, ...options }: BalancedOptions = {},
): RpcClient {
  return new Balanced(new HostOrder(hosts, options), open, batchSize);
}

class Balanced<Host> extends PeerGroup<Host> {
  readonly #order: HostOrder<Host>;

  constructor(order: HostOrder<Host>, open: Open<Host>, batchSize: number) {
    super(open, batchSize);
    this.#order = order;
  }

  protected async attempt(request: (client: RpcClient) => Promise<void>): Promise<void> {
    const failures: unknown[] = [];
    for (const host of this.#order.next()) {
      if (!this.usable) break;
      try {
        return await request(await this.clientOf(host));
      } catch (error) {
        this.#order.failed(host);
        failures.push(error);
      }
    }
    const reasons = failures.map(reasonOf).join(' ') || 'Those that failed lately are left out for a while.';
    const message = `No host took the events: look into the logs of the agents there, and send the events again. ${reasons}`;
    // Nobody would look for what was not sent anywhere.
    const code = failures.find(isDoubtful)?.code ?? 'MR_PEER_UNREACHABLE';
    throw new RpcError(code, message, { cause: failures.at(-1) });
  }
}
