import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between an agent and its PostgreSQL server, and can lose the answer to a COMMIT together with the connection. */
export class PostgresProxy implements AsyncDisposable {
  /** How many answers to a COMMIT shall be lost. */
  losing = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async to(port: number): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, '127.0.0.1');
      let lost = false;
      const end = () => {
        client.destroy();
        server.destroy();
      };
      client.on('data', (data) => {
        if (this.losing > 0 && data.includes('COMMIT\0')) {
          this.losing -= 1;
          lost = true;
        }
        server.write(data);
      });
      server.on('data', (data) => (lost ? end() : client.write(data)));
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', end);
        socket.on('close', end);
      }
    });
  }

  get url(): string {
    return `postgresql://postgres@127.0.0.1:${(this.#server.address() as AddressInfo).port}/postgres`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
