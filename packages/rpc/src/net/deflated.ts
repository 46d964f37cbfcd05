import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { constants, createDeflate, createInflate } from 'node:zlib';
import { describeFirstBytes } from './first-bytes.ts';

type Done = (error?: Error | null) => void;

/**
 * A socket on which each direction is one zlib stream, flushed after each write. What is written is copied: it is compressed later, by another
 * thread, which may still read when the stream is closed.
 */
export class Deflated extends Duplex {
  readonly #socket: Socket;
  readonly #inflate = createInflate({ chunkSize: 64 << 10, finishFlush: constants.Z_SYNC_FLUSH });
  readonly #deflate;

  constructor(socket: Socket, level: number) {
    super();
    this.#socket = socket;
    this.#deflate = createDeflate({ level, flush: constants.Z_SYNC_FLUSH });
    // Or the socket would end its side before the last of it has been compressed.
    socket.allowHalfOpen = true;

    socket.on('error', (error) => this.destroy(error));
    socket.once('close', () => this.#closed());
    this.#explainStart(socket);
    socket.pipe(this.#inflate);
    this.#inflate.on('data', (data) => this.push(data) || this.#inflate.pause());
    this.#inflate.on('end', () => this.push(null));
    this.#deflate.on('error', (error) => this.destroy(error));
    this.#deflate.pipe(socket);
  }

  override _read(): void {
    this.#inflate.resume();
  }

  override _write(data: Buffer, _encoding: string, done: Done): void {
    this.#deflate.write(Buffer.from(data), done);
  }

  override _writev(pieces: { chunk: Buffer }[], done: Done): void {
    this.#deflate.write(Buffer.concat(pieces.map(({ chunk }) => chunk)), done);
  }

  override _final(done: Done): void {
    this.#socket.once('finish', done);
    this.#deflate.end();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#inflate.destroy();
    this.#deflate.destroy();
    if (this.#socket.closed) {
      done(error);
      return;
    }
    this.#socket.once('close', () => done(error));
    this.#socket.destroy();
  }

  /** A socket that was closed in order leaves what has come to be read. */
  #closed(): void {
    if (!this.#socket.readableEnded || !this.#socket.writableFinished) this.destroy();
  }

  #explainStart(socket: Socket): void {
    let start: Buffer | undefined;
    socket.once('data', (data: Buffer) => {
      start = Buffer.from(data.subarray(0, 16));
    });
    this.#inflate.once('data', () => {
      start = undefined;
    });
    this.#inflate.on('error', (cause) => this.destroy(new Error(explained(start, cause.message), { cause })));
  }
}

/** What is wrong with a stream, which begins so if nothing of it could be decompressed, and what to do about it. */
function explained(start: Buffer | undefined, reason: string): string {
  const like = start && describeFirstBytes(start);
  if (start === undefined || like?.startsWith('a compressed stream')) {
    return `The peer has sent what cannot be decompressed (${reason}): the connection is ended.`;
  }
  // What else could be done about such bytes has no place here: this side speaks TLS or does not.
  const begins = like === undefined ? '' : `: it begins like ${like.replace(/ \(.*/, '')}`;
  return `The peer does not compress what it sends${begins}. Set compression-type = deflate on both ends or on neither.`;
}
