import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Takes the first message off what was received, and says how many bytes it took; undefined while it is not whole. */
export type Split<Message> = (received: Buffer) => { message: Message; bytes: number } | undefined;

/** A raw client of a binary protocol: sends whatever it is given, and reads whole messages. */
export class FramedSocket<Message> {
  readonly socket: Socket;
  /** Resolves when the connection is closed on both sides. */
  readonly closed: Promise<void>;
  readonly #split: Split<Message>;
  #received = Buffer.alloc(0);
  #news = Promise.withResolvers<void>();

  /** Connects to the loopback address. Rejects when nobody listens. */
  static async connect<Message>(port: number, split: Split<Message>): Promise<FramedSocket<Message>> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new FramedSocket(socket, split);
  }

  private constructor(socket: Socket, split: Split<Message>) {
    this.socket = socket;
    this.#split = split;
    socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data as Buffer]);
      this.#tell();
    });
    // How a connection ends is told by `closed`.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#tell();
        resolve();
      });
    });
  }

  /** Sends, and waits until the system has taken it. */
  async write(data: Uint8Array): Promise<void> {
    const { promise: taken, resolve } = Promise.withResolvers<void>();
    this.socket.write(data, () => resolve());
    await Promise.race([taken, this.closed]);
  }

  /** The next message; undefined when the connection ends before. */
  async next(): Promise<Message | undefined> {
    for (;;) {
      const first = this.#split(this.#received);
      if (first !== undefined) {
        this.#received = this.#received.subarray(first.bytes);
        return first.message;
      }
      if (this.socket.destroyed) return undefined;
      await this.#news.promise;
    }
  }

  /** Sends, and waits for the next message. */
  async ask(data: Uint8Array): Promise<Message | undefined> {
    void this.write(data);
    return this.next();
  }

  /** Sends no more, and waits until the other side has ended too. */
  async close(): Promise<void> {
    this.socket.end();
    await this.closed;
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
