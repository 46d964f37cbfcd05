import { addon } from './addon.ts';
import type { DirectEnd } from './port.ts';
import { protocols, type WireProtocol } from './request-reader.ts';

/** Who is told what comes of a socket, in the turn of the event loop in which it comes. */
export interface SocketListener {
  /** Bytes that are valid during the call. */
  piece(bytes: Buffer): void;
  /** The peer has sent its last byte. */
  end(): void;
  /** Everything that was sent before {@link NativeSocket.end} has gone. */
  sent(): void;
  /** The connection is lost: `errno` is the system's number of the error. */
  lost(errno: number): void;
}

const BLOCK_BYTES = 512 << 10;
const ROWS_MAX = 1_024;
const GOING_BYTES = 64 << 10;
/** How many numbers a row has of what has come, and of what goes. */
const CAME = 4;
const GOES = 3;
/** What may have come, if not a loss, as the binding has it. */
const PIECE = 0;
const END = 1;
const SENT = 2;

/**
 * The sockets of this thread: what a turn of the event loop has brought comes with one call, and what it is answered goes with another.
 */
class Sockets {
  readonly listeners = new Map<number, SocketListener>();
  readonly #block = Buffer.from(new ArrayBuffer(BLOCK_BYTES));
  readonly #rows = new Uint32Array(CAME * ROWS_MAX);
  readonly #bytes = Buffer.from(new ArrayBuffer(GOING_BYTES));
  readonly #sends = new Uint32Array(GOES * ROWS_MAX);
  #fill = 0;
  #sending = 0;

  static open(): Sockets | undefined {
    if (addon.openSockets === undefined) return undefined;
    const opened = new Sockets();
    return addon.openSockets((rows) => opened.#turn(rows), opened.#block, opened.#rows) ? opened : undefined;
  }

  /** Sends with what else is sent in this turn. */
  write(socket: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#fill === GOING_BYTES || this.#sending === ROWS_MAX) this.send();
      const piece = bytes.subarray(at, at + GOING_BYTES - this.#fill);
      if (this.#sending === 0) process.nextTick(() => this.send());
      this.#bytes.set(piece, this.#fill);
      const row = GOES * this.#sending;
      this.#sends[row] = socket;
      this.#sends[row + 1] = this.#fill;
      this.#fill += piece.length;
      this.#sends[row + 2] = this.#fill;
      this.#sending += 1;
      at += piece.length;
    }
  }

  send(): void {
    if (this.#sending > 0) addon.writeSockets(this.#bytes, this.#sends, this.#sending);
    this.#fill = 0;
    this.#sending = 0;
  }

  #turn(count: number): void {
    const rows = this.#rows;
    for (let at = 0; at < CAME * count; at += CAME) {
      // It may have been closed since.
      const listener = this.listeners.get(rows[at]!);
      const [what, value] = [rows[at + 1]!, rows[at + 2]!];
      if (what === PIECE) listener?.piece(this.#block.subarray(value, value + rows[at + 3]!));
      else if (what === END) listener?.end();
      else if (what === SENT) listener?.sent();
      else listener?.lost(value);
    }
  }
}

/** Undefined where the system, or somebody else in this thread, does not let native code have sockets. */
let sockets: Sockets | undefined;

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
    sockets ??= Sockets.open();
    if (sockets === undefined) return undefined;
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

  private constructor(number: number) {
    this.#number = number;
  }

  /** Shares the connection of a descriptor, which the caller closes afterwards; undefined where that cannot be done. */
  static adopt(descriptor: number): NativeSocket | undefined {
    sockets ??= Sockets.open();
    const number = sockets === undefined ? 0 : addon.adoptSocket(descriptor);
    return number === 0 ? undefined : new NativeSocket(number);
  }

  /** Says who is told what comes. Nothing does before {@link read}. */
  tell(listener: SocketListener): void {
    sockets!.listeners.set(this.#number, listener);
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
    sockets!.write(this.#number, bytes);
  }

  /** Ends this side behind what was written; answers whether that has gone. */
  end(): boolean {
    sockets!.send();
    return addon.endSocket(this.#number);
  }

  /** Closes it at once. Its listener is told nothing more. */
  close(): void {
    sockets!.send();
    addon.closeSocket(this.#number);
    sockets!.listeners.delete(this.#number);
  }
}
