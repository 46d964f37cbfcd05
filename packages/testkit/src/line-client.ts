import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A TCP client of sources that are spoken to in lines of text. */
export class LineClient {
  readonly socket: Socket;
  /** Resolves when the connection is closed on both sides. */
  readonly closed: Promise<void>;
  readonly #received: Buffer[] = [];
  #linesRead = 0;
  #ended = false;
  #news = Promise.withResolvers<void>();

  /** Connects to the loopback address. Rejects when nobody listens. */
  static async connect(port: number): Promise<LineClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new LineClient(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.#received.push(data as Buffer);
      this.#tell();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#tell();
      socket.end();
    });
    // How a connection ends is told by `closed`.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#ended = true;
        this.#tell();
        resolve();
      });
    });
  }

  /** Sends, and waits until the system has taken it. */
  async write(data: string | Uint8Array): Promise<void> {
    const { promise: taken, resolve } = Promise.withResolvers<void>();
    this.socket.write(data, () => resolve());
    await Promise.race([taken, this.closed]);
  }

  /** Everything received so far. */
  received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** The next lines that are received, without their ends; fewer when the source ends the connection before. */
  async lines(count: number): Promise<string[]> {
    for (;;) {
      const all = this.received().toString().split('\n').slice(this.#linesRead, -1);
      if (all.length >= count || this.#ended) {
        const lines = all.slice(0, count);
        this.#linesRead += lines.length;
        return lines;
      }
      await this.#news.promise;
    }
  }

  /** Sends no more, and waits until the source has ended its side too. */
  async close(): Promise<void> {
    this.socket.end();
    await this.closed;
  }

  /** Ends the connection with a reset. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.closed;
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
