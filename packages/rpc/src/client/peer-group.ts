import type { Batch } from '@millrace/channel-native';
import { type EventLike, inPieces, type RpcClient } from './client.ts';
import { RpcError } from './error.ts';

/** Makes a client of one host. */
export type Open<Host> = (host: Host) => Promise<RpcClient>;

/** A client of several hosts. It has at most one for each, which is made when it is needed, and again when it has failed. */
export abstract class PeerGroup<Host> implements RpcClient {
  readonly batchSize: number;
  readonly #open: Open<Host>;
  readonly #clients = new Map<Host, Promise<RpcClient>>();
  readonly #sinceMs = performance.now();
  #closed = false;

  constructor(open: Open<Host>, batchSize: number) {
    this.#open = open;
    this.batchSize = batchSize;
  }

  get usable(): boolean {
    return !this.#closed;
  }

  get ageMs(): number {
    return performance.now() - this.#sinceMs;
  }

  append(event: EventLike): Promise<void> {
    return this.attempt((client) => client.append(event));
  }

  /** Only a request that has failed is sent again, not those before it. */
  appendBatch(events: Batch | readonly EventLike[]): Promise<void> {
    return inPieces(events, this.batchSize, (piece) => this.attempt((client) => client.appendBatch(piece)));
  }

  close(): Promise<void> {
    return this.#end('close');
  }

  destroy(): Promise<void> {
    return this.#end('destroy');
  }

  /** Makes one request of one host, or of several until one has taken it. */
  protected abstract attempt(request: (client: RpcClient) => Promise<void>): Promise<void>;

  /** A client of a host, which can be used. Rejects when the host cannot be reached. */
  protected async clientOf(host: Host): Promise<RpcClient> {
    const known = this.#clients.get(host);
    const client = await known?.catch(() => undefined);
    if (this.#closed) throw new RpcError('MR_PEER_LOST', 'The client is closed: make another one.');
    if (client?.usable) return client;
    // Of several requests that have found the old one useless, the first makes the new one.
    const current = this.#clients.get(host);
    if (current !== undefined && current !== known) return current;
    const opening = this.#open(host);
    this.#clients.set(host, opening);
    return opening;
  }

  async #end(how: 'close' | 'destroy'): Promise<void> {
    this.#closed = true;
    const end = async (opening: Promise<RpcClient>) => (await opening.catch(() => undefined))?.[how]();
    await Promise.all([...this.#clients.values()].map(end));
  }
}
