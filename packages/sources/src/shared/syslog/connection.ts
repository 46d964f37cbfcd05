import type { Duplex } from 'node:stream';
import type { Batch, Log, SourceContext } from '@millrace/kernel/component';
import type { SourceSpec } from '@millrace/kernel/spec';
import type { InFlight, Reader } from '@millrace/rpc/net';
import { Intake } from '../intake.ts';
import { putNeighbours } from '../neighbours.ts';
import type { MessageReader } from './format.ts';

export interface ConnectionOptions {
  readonly reader: MessageReader;
  /** Headers that every event of this connection has, encoded. */
  readonly headers: Uint8Array;
  readonly inFlight: InFlight;
  readonly emitAll: SourceContext<SourceSpec>['emitAll'];
  readonly log: Log;
}

/** One client: its messages are put in order, and it is not read on while they find no room. */
export class Connection implements Reader {
  readonly #peer: string;
  readonly #stream: Duplex;
  readonly #options: ConnectionOptions;
  readonly #intake: Intake;
  /** Bytes that are still to come of a counted message whose beginning is an event already. */
  #left = 0;
  #over = false;

  constructor(peer: string, stream: Duplex, options: ConnectionOptions) {
    this.#peer = peer;
    this.#stream = stream;
    this.#options = options;
    const { inFlight, reader, headers } = options;
    this.#intake = new Intake(this, {
      inFlight,
      split: (tail, piece) => {
        const messages = reader.read(tail, piece, this.#left, headers);
        this.#left = messages.left;
        return messages;
      },
      put: (batches) => this.#put(batches),
    });
    stream.on('data', (piece: Buffer) => this.#receive(piece));
    stream.on('end', () => this.#stream.end());
    // Node closes a stream after an error by itself.
    stream.on('error', (error) => options.log.debug({ error, peer }, 'Connection lost.'));
    stream.once('close', () => this.#forget());
    this.resume();
  }

  pause(): void {
    this.#stream.pause();
  }

  /** Reads on, unless something stands against it. */
  resume(): void {
    if (!this.#over && !this.#intake.blocked) this.#stream.resume();
  }

  evict(reason: string): void {
    this.#options.log.warn({ peer: this.#peer }, reason);
    this.#stream.destroy();
  }

  /** Reads no more; resolves when the connection is closed and nothing waits any more. */
  async close(): Promise<void> {
    this.#over = true;
    this.#stream.destroy();
    await this.#intake.idle;
  }

  #receive(piece: Buffer): void {
    if (this.#over) return;
    this.#intake.take(piece);
    if (this.#intake.blocked) this.#stream.pause();
  }

  async #put(batches: Batch[]): Promise<void> {
    const { emitAll, log } = this.#options;
    const { refused: messages, error } = await putNeighbours(batches, emitAll);
    if (messages > 0) log.error({ error, messages, peer: this.#peer }, 'Messages were dropped.');
  }

  /** An unfinished message at the end is dropped, as Flume does. */
  #forget(): void {
    this.#over = true;
    this.#intake.leave();
  }
}
