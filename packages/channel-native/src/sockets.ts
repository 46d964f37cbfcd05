import { addon } from './addon.ts';

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
const READABLE = 4;

/**
 * The sockets of this thread: what a turn of the event loop has brought comes with one call, and what it is answered goes with another.
 */
export class Sockets {
  readonly listeners = new Map<number, SocketListener>();
  /** Who is told that there are datagrams. */
  readonly receivers = new Map<number, () => void>();
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
      if (what === READABLE) this.receivers.get(rows[at]!)?.();
      else if (what === PIECE) listener?.piece(this.#block.subarray(value, value + rows[at + 3]!));
      else if (what === END) listener?.end();
      else if (what === SENT) listener?.sent();
      else listener?.lost(value);
    }
  }
}

let sockets: Sockets | undefined;

/** Undefined where the system, or somebody else in this thread, does not let native code have sockets. */
export function socketsOfThread(): Sockets | undefined {
  sockets ??= Sockets.open();
  return sockets;
}
