import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to a connection that goes through a {@link FaultyProxy}. */
export type Fault =
  /** Everything is read, and nothing comes back. */
  | 'silence'
  /** It is cut in the middle of a request. */
  | 'cut request'
  /** The request arrives, and its answer is lost with the connection. */
  | 'lost answer'
  /** What comes back is not an answer. */
  | 'garbage'
  /** It is closed as soon as it is there. */
  | 'closed at once';

/** Stands between an agent and the next: connections have the faults of a list, one after the other, and those behind the last have none. */
export class FaultyProxy implements AsyncDisposable {
  /** The faults that are still to come. */
  readonly faults: Fault[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async to(port: number, faults: readonly Fault[]): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(port, faults);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(port: number, faults: readonly Fault[]) {
    this.faults = [...faults];
    this.#server = createServer((client) => this.#join(client, port, this.faults.shift()));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, port: number, fault: Fault | undefined): void {
    this.#sockets.add(client);
    client.on('error', () => {});
    if (fault === 'closed at once') {
      client.destroy();
      return;
    }
    if (fault === 'silence') {
      client.resume();
      return;
    }
    const server = connect(port, '127.0.0.1');
    this.#sockets.add(server);
    const end = () => {
      client.destroy();
      server.destroy();
    };
    client.on('data', (data) => {
      if (fault !== 'cut request') server.write(data);
      else server.end((data as Buffer).subarray(0, data.length / 2), end);
    });
    server.on('data', (data) => {
      if (fault === 'lost answer') end();
      else client.write(fault === 'garbage' ? 'HTTP/1.1 400 Bad Request\r\n\r\n' : data);
    });
    for (const socket of [client, server]) {
      socket.on('error', end);
      socket.on('close', end);
    }
  }
}
