import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { TextReader } from '@millrace/channel-native';
import type { Batch, BatchBuilder } from '@millrace/kernel/component';
import type { Charset } from '../shared/charset.ts';

export interface OutputOptions {
  readonly charset: Charset;
  readonly builder: BatchBuilder;
  readonly lineBytesMax: number;
  /** Takes lines, in UTF-8, and says whether to read on; if not, until `resume`. */
  readonly take: (lines: readonly Batch[]) => boolean;
}

/** What is read at a time where it has to be decoded. */
const PIECE_BYTES = 64 << 10;
/** More than a pipe holds. */
const REST_BYTES = 1 << 20;

/** Where the next bytes are to be read to, and what becomes of them; it says whether to read on. */
interface Receiver {
  readonly buffer: () => Uint8Array;
  readonly callback: (bytes: number) => boolean;
}

/** Lines that come out of a pipe. */
export class Output {
  /** Resolves when the last line is taken. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #text: TextReader;
  readonly #fd: number;
  readonly #onread: Receiver;

  constructor(fd: number, { charset, builder, lineBytesMax, take }: OutputOptions) {
    const text = new TextReader(builder, lineBytesMax);
    this.#text = text;
    // UTF-8 is read to where it is split.
    const inPlace: Receiver = { buffer: () => text.room(), callback: (bytes) => take(text.took(bytes)) };
    this.#onread = charset.isUtf8
      ? inPlace
      : decoded(charset, (utf8) => {
          text.room(utf8.length).set(utf8);
          return take(text.took(utf8.length));
        });
    this.#fd = fd;
    this.#socket = new Socket({ fd, readable: true, writable: false, onread: this.#onread });
    this.ended = new Promise((resolve) => {
      this.#socket.once('close', () => {
        take(text.end());
        resolve();
      });
    });
    this.#socket.resume();
  }

  /** How often a line was cut. */
  get cuts(): number {
    return this.#text.cuts;
  }

  /** Reads on. */
  resume(): void {
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  /** Reads what has been written and no more, though somebody may still write. */
  close(): void {
    if (this.#socket.destroyed) return;
    const { buffer, callback } = this.#onread;
    for (let bytes = 0, all = 0; all < REST_BYTES; all += bytes) {
      bytes = readNow(this.#fd, buffer());
      if (bytes === 0) break;
      callback(bytes);
    }
    this.#socket.destroy();
  }
}

/** What can be read without waiting; 0 for nothing. */
function readNow(fd: number, room: Uint8Array): number {
  try {
    return readSync(fd, room);
  } catch {
    return 0; // Somebody may write later, or the pipe is broken.
  }
}

function decoded(charset: Charset, receive: (utf8: Buffer) => boolean): Receiver {
  const { decode } = charset.conversation();
  const piece = Buffer.alloc(PIECE_BYTES);
  return { buffer: () => piece, callback: (bytes: number) => receive(decode(piece.subarray(0, bytes))) };
}
