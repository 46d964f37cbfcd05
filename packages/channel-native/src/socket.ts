import { addon } from './addon.ts';
import type { DirectEnd } from './port.ts';
import { protocols, type WireProtocol } from './request-reader.ts';
import { type SocketListener, type Sockets, socketsOfThread } from './sockets.ts';

/** What stands in front of the serial in an answer, without the length of a frame, and what behind it. */
export type AnswerParts = readonly [before: Uint8Array, behind: Uint8Array];

export interface DirectOptions {
  readonly protocol: WireProtocol;
  readonly requestBytesMax: number;
  readonly into: DirectEnd;
  /** Counters that grow by the requests of one event, and by those of many. */
  readonly appends: readonly Float64Array[];
  readonly batches: readonly Float64Array[];
  /** The answers to both when they were put. */
  readonly appendAnswer: AnswerParts;
  readonly batchAnswer: AnswerParts;
}

/**
 * Puts requests into a channel and answers them, without a call of JavaScript: those that come whole, have events, want an answer, and for which
 * there is room now. All that one turn of the event loop brings is put as one.
 */
export class DirectPut {
  readonly number: number;

  private constructor(number: number) {
    this.number = number;
  }

  /** Undefined where native code cannot have sockets. */
  static open({ into, protocol, ...options }: DirectOptions): DirectPut | undefined {
    if (socketsOfThread() === undefined) return undefined;
    const { channel, owner, transactionCapacity, events } = into;
    return new DirectPut(
      addon.openDirect({
        protocol: protocols[protocol],
        requestBytesMax: options.requestBytesMax,
        channel,
        owner,
        transactionCapacity,
        events: [...events],
        appends: [...options.appends],
        batches: [...options.batches],
        appendAnswer: [...options.appendAnswer],
        batchAnswer: [...options.batchAnswer],
      }),
    );
  }

  /** From now on everything is told to those who listen. */
  close(): void {
    addon.closeDirect(this.number);
  }
}

/** A TCP connection that is read and written by native code, together with all others of its thread. */
export class NativeSocket {
  readonly #number: number;
  readonly #sockets: Sockets;

  private constructor(number: number, sockets: Sockets) {
    this.#number = number;
    this.#sockets = sockets;
  }

  /** Shares the connection of a descriptor, which the caller closes afterwards; undefined where that cannot be done. */
  static adopt(descriptor: number): NativeSocket | undefined {
    const sockets = socketsOfThread();
    const number = sockets === undefined ? 0 : addon.adoptSocket(descriptor);
    return number === 0 ? undefined : new NativeSocket(number, sockets!);
  }

  /** Says who is told what comes. Nothing does before {@link read}. */
  tell(listener: SocketListener): void {
    this.#sockets.listeners.set(this.#number, listener);
  }

  /** Says whether it is to be read. */
  read(reading: boolean): void {
    addon.readSocket(this.#number, reading);
  }

  /**
   * Lets what comes next be put and answered without its listener, until something comes for which that cannot be done. What came before ends with a
   * request, and everything is answered.
   */
  putDirectly(direct: DirectPut): void {
    addon.putDirectly(this.#number, direct.number);
  }

  /** Sends at the end of this turn. Until the peer has taken it, nothing more of it is read. */
  write(bytes: Uint8Array): void {
    this.#sockets.write(this.#number, bytes);
  }

  /** Ends this side behind what was written; answers whether that has gone. */
  end(): boolean {
    this.#sockets.send();
    return addon.endSocket(this.#number);
  }

  /** Closes it at once. Its listener is told nothing more. */
  close(): void {
    this.#sockets.send();
    addon.closeSocket(this.#number);
    this.#sockets.listeners.delete(this.#number);
  }
}
