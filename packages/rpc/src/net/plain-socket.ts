import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { type DirectPut, NativeSocket } from '@millrace/channel-native';

/** What a server needs of the stream of a client: every `Duplex` is one. */
export interface Transport {
  readonly closed: boolean;
  readonly writable: boolean;
  readonly writableNeedDrain: boolean;
  on(event: 'data', listener: (piece: Buffer) => void): unknown;
  on(event: 'end' | 'drain', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  isPaused(): boolean;
  pause(): unknown;
  resume(): unknown;
  write(bytes: Uint8Array): unknown;
  end(): unknown;
  destroy(error?: Error): unknown;
  /** Lets whole requests that come next be put and answered by native code. Everything that came is answered. */
  putDirectly?(direct: DirectPut): void;
}

/**
 * An accepted TCP connection that native code reads and writes. It behaves as a half-open `Duplex` does, with two differences: a
 * piece is valid only while `data` is being emitted, and nobody has to wait for `drain`: who does not take what it is sent is not read.
 */
export class PlainSocket extends EventEmitter implements Transport {
  closed = false;
  writable = true;
  readonly writableNeedDrain = false;
  readonly #native: NativeSocket;
  #paused = true;
  /** What came in the turn in which it was paused, in order. */
  readonly #held: [event: 'data' | 'end', piece: Buffer | undefined][] = [];
  #destroyed = false;
  /** Which sides have ended. */
  #received = false;
  #sent = false;

  /** Takes an accepted, paused connection away from Node; undefined where that cannot be done, and then nothing has changed. */
  static over(socket: Socket): PlainSocket | undefined {
    const { fd = -1 } = (socket as { _handle?: { fd?: number } | null })._handle ?? {};
    const native = NativeSocket.adopt(fd);
    if (native === undefined) return undefined;
    socket.destroy();
    return new PlainSocket(native);
  }

  private constructor(native: NativeSocket) {
    super();
    this.#native = native;
    native.tell({
      piece: (piece) => this.#take('data', piece),
      end: () => this.#take('end', undefined),
      sent: () => this.#finish(),
      lost: (errno) => this.destroy(lossOf(errno)),
    });
  }

  isPaused(): boolean {
    return this.#paused;
  }

  pause(): this {
    if (!this.#paused) this.#read(false);
    return this;
  }

  resume(): this {
    if (this.#paused && !this.#destroyed) this.#read(true);
    return this;
  }

  putDirectly(direct: DirectPut): void {
    if (!this.#destroyed && this.#held.length === 0) this.#native.putDirectly(direct);
  }

  write(bytes: Uint8Array): void {
    if (this.writable) this.#native.write(bytes);
  }

  /** Ends this side; the connection is closed when the peer has done so, too. */
  end(): void {
    if (!this.writable) return;
    this.writable = false;
    if (this.#native.end()) this.#finish();
  }

  destroy(error?: Error): this {
    if (this.#destroyed) return this;
    this.#destroyed = true;
    this.writable = false;
    this.#native.close();
    process.nextTick(() => {
      if (error !== undefined) this.emit('error', error);
      this.closed = true;
      this.emit('close');
    });
    return this;
  }

  #read(reading: boolean): void {
    this.#paused = !reading;
    this.#native.read(reading);
    if (reading && this.#held.length > 0) process.nextTick(() => this.#giveHeld());
  }

  #giveHeld(): void {
    for (const held of this.#held.splice(0)) this.#take(...held);
  }

  #take(event: 'data' | 'end', piece: Buffer | undefined): void {
    if (this.#destroyed) return;
    if (this.#paused || this.#held.length > 0) {
      this.#held.push([event, piece && Buffer.from(piece)]);
      return;
    }
    if (event === 'end') this.#received = true;
    this.emit(event, piece);
    this.#closeIfOver();
  }

  #finish(): void {
    this.#sent = true;
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#received && this.#sent) this.destroy();
  }
}

function lossOf(errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`The connection is lost: ${code}.`), { code });
}
