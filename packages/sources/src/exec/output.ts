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

/** Lines that come out of a pipe. */
export class Output {
  /** Resolves when the last line is taken. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #text: TextReader;

  constructor(fd: number, { charset, builder, lineBytesMax, take }: OutputOptions) {
    const text = new TextReader(builder, lineBytesMax);
    this.#text = text;
    // UTF-8 is read to where it is split.
    const inPlace = { buffer: () => text.room(), callback: (bytes: number) => take(text.took(bytes)) };
    const onread = charset.isUtf8
      ? inPlace
      : decoded(charset, (utf8) => {
          text.room(utf8.length).set(utf8);
          return take(text.took(utf8.length));
        });
    this.#socket = new Socket({ fd, readable: true, writable: false, onread });
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

  /** Reads no more, though somebody may still write. */
  close(): void {
    this.#socket.destroy();
  }
}

function decoded(charset: Charset, receive: (utf8: Buffer) => boolean) {
  const { decode } = charset.conversation();
  const piece = Buffer.alloc(PIECE_BYTES);
  return { buffer: piece, callback: (bytes: number) => receive(decode(piece.subarray(0, bytes))) };
}
