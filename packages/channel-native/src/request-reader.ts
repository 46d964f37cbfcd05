import { addon } from './addon.ts';
import { Batch, type Block } from './batch.ts';
import type { BatchBuilder } from './batch-builder.ts';

/** How requests stand on the wire. */
export type WireProtocol = 'avro' | 'thrift-compact' | 'thrift-binary';

/** What a client says about its protocol until it has matched. */
export interface AvroHandshake {
  /** The MD5 of the client's protocol, 16 bytes. */
  readonly clientHash: Buffer;
  /** The client's protocol as JSON, when it sends it. */
  readonly clientProtocol: string | undefined;
  /** What the client takes for the MD5 of the server's protocol, 16 bytes. */
  readonly serverHash: Buffer;
}

/** One request, whole. */
export interface WireRequest {
  /** Avro's serial or Thrift's sequence id, as an unsigned 32-bit number. */
  readonly serial: number;
  /** What is called. `ping`: an Avro message without a name, as a bare handshake is. `other`: a method there is not; `name` is it. */
  readonly call: 'append' | 'appendBatch' | 'ping' | 'other';
  /** The name of what is called, where `call` is `other`; else empty. */
  readonly name: string;
  /** The events, as one batch that the receiver releases; none for `ping`, `other` and an empty list. */
  readonly batch: Batch;
  /** Bytes that the request took on the wire. */
  readonly bytes: number;
  /** Avro only, while the connection is not matched. */
  readonly handshake: AvroHandshake | undefined;
  /** Thrift only: the client wants no answer. */
  readonly oneway: boolean;
}

/** The numbers of the protocols, calls and outcomes are those of the binding. */
export const protocols = { avro: 0, 'thrift-compact': 1, 'thrift-binary': 2 } as const;
const calls = ['append', 'appendBatch', 'ping', 'other'] as const;
const WHOLE = 1;
const FULL = 2;
const ONEWAY = 1;
const HANDSHAKE = 2;

/** A connection whose last request took more than this begins the next one in a block of its own. */
const OWN_BYTES_MIN = 64 << 10;
/** A request that went on and takes no more than this when it is whole is copied to its neighbours. */
const REJOINED_BYTES_MAX = 16 << 10;
/** Bytes of an entry in a block's table. */
const ENTRY_BYTES = 8;

/** Where in {@link did} stands what. */
const Did = {
  Outcome: 0,
  Events: 1,
  EventBytes: 2,
  Consumed: 3,
  RequestBytes: 4,
  Serial: 5,
  Call: 6,
  Flags: 7,
  Needed: 8,
} as const;

/** What the last native call did: it is used up before another one is made. */
const did = new Uint32Array(9);

/**
 * Reads the requests of one connection, piece by piece as its socket brings them. Events are copied once, from the piece into a block: of the
 * builder while the request is within the piece, so that neighbours can be put as one; into a block of its own once it goes on in
 * another piece, so that a slow client keeps no memory from others.
 */
export class RequestReader implements Disposable {
  readonly #builder: BatchBuilder;
  readonly #handle: number;
  #closed = false;
  /** The block of its own in which the request stands that is being read, if it has one. */
  #own: Block | undefined;
  /** What the request that is being read has in its block. */
  #events = 0;
  #eventBytes = 0;
  /** What a request takes of its block if it is like the last one, which may vary a little. */
  #expectedBytes = 0;
  #consumed = 0;
  #unfinishedBytes = 0;

  constructor(protocol: WireProtocol, builder: BatchBuilder, limits: { readonly requestBytesMax: number }) {
    this.#builder = builder;
    this.#handle = addon.openWire(protocols[protocol], limits.requestBytesMax);
  }

  /** Where `next` stopped in the piece. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Bytes on the wire of the request that is not whole yet; 0 at a border between requests. */
  get unfinishedBytes(): number {
    return this.#unfinishedBytes;
  }

  /** Bytes that the events of the request that is not whole yet take in memory, with their table. */
  get heldBytes(): number {
    return this.#eventBytes + ENTRY_BYTES * this.#events;
  }

  /**
   * Reads on in `piece` from offset `from`; stops behind the first request that is whole, or at the end of the piece. What is behind that
   * request is not looked at: call again with `from` = {@link consumed} until that is the piece's length.
   *
   * Throws `MR_WIRE_INVALID` when the bytes cannot be requests; then the connection is lost, and what remains is to close.
   */
  next(piece: Uint8Array, from: number): WireRequest | undefined {
    this.#consumed = from;
    if (this.#closed || from >= piece.length) return undefined;
    if (this.#expectedBytes > OWN_BYTES_MIN && this.#own === undefined) this.#takeOwn(this.#expectedBytes);
    for (;;) {
      const block = this.#own ?? this.#builder.block;
      const { memory, fill, entries } = block;
      const [at, first] = [fill + this.#eventBytes, entries + this.#events];
      addon.readWire(this.#handle, memory, at, first, piece, this.#consumed, did);
      this.#events += did[Did.Events]!;
      this.#eventBytes += did[Did.EventBytes]!;
      this.#consumed = did[Did.Consumed]!;
      if (did[Did.Outcome] === WHOLE) return this.#request();
      if (did[Did.Outcome] === FULL) this.#grow(block, did[Did.Needed]!);
      else return this.#pause(block);
    }
  }

  /** Avro: says that no further request begins with a handshake. */
  matched(): void {
    if (!this.#closed) addon.matchWire(this.#handle);
  }

  /** Frees everything, an unfinished request too; batches that were given out stay valid. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    addon.closeWire(this.#handle);
    this.#giveBack();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Gives out the request that has become whole. */
  #request(): WireRequest {
    const serial = did[Did.Serial]!;
    const bytes = did[Did.RequestBytes]!;
    const call = calls[did[Did.Call]!]!;
    const flags = did[Did.Flags]!;
    const batch = this.#batch();
    this.#unfinishedBytes = 0;
    return {
      serial,
      call,
      name: call === 'other' ? addon.nameOfWire(this.#handle) : '',
      batch,
      bytes,
      handshake: (flags & HANDSHAKE) === 0 ? undefined : handshakeOf(this.#handle),
      oneway: (flags & ONEWAY) !== 0,
    };
  }

  /** The events of the request that has become whole. */
  #batch(): Batch {
    this.#expectedBytes = this.heldBytes + (this.heldBytes >> 3);
    if (this.#own !== undefined && this.heldBytes <= REJOINED_BYTES_MAX) this.#rejoin(this.#own);
    const block = this.#own ?? this.#builder.block;
    const batch = this.#events > 0 ? this.#builder.finishIn(block, this.#events, this.#eventBytes) : emptyBatch(block);
    this.#own = undefined;
    this.#events = 0;
    this.#eventBytes = 0;
    return batch;
  }

  /** Takes a short request out of its own block, which is more than it needs, to the others. */
  #rejoin(own: Block): void {
    const { memory, fill, entries } = this.#builder.block;
    const room = memory.length - fill - ENTRY_BYTES * entries;
    this.#move(own, room < this.heldBytes ? this.#builder.nextBlock() : this.#builder.block);
    this.#giveBack();
  }

  /** At the end of a piece, takes a request that goes on out of the builder's block. One without events yet needs no block at all. */
  #pause(block: Block): undefined {
    this.#unfinishedBytes = did[Did.RequestBytes]!;
    if (this.#events === 0) this.#giveBack();
    else if (this.#own === undefined)
      this.#move(block, this.#takeOwn(Math.max(2 * this.heldBytes, this.#expectedBytes)));
  }

  /** Goes on elsewhere with a request that does not fit its block: the next event takes `neededBytes` on the wire. */
  #grow(block: Block, neededBytes: number): void {
    // Nearly always an event takes hardly more than on the wire. Where it takes more, it comes back here, to twice as large a block.
    const size = this.heldBytes + neededBytes + (neededBytes >> 3) + 64;
    const alone = block.fill === 0;
    if (alone || size > this.#builder.block.memory.length) {
      const old = this.#own;
      this.#move(block, this.#takeOwn(alone ? Math.max(size, 2 * block.memory.length) : size));
      if (old !== undefined) this.#builder.pool.give(old);
    } else {
      this.#move(block, this.#builder.nextBlock());
    }
  }

  #takeOwn(bytes: number): Block {
    this.#own = this.#builder.pool.take(bytes);
    return this.#own;
  }

  /** Copies what the request has in a block to the free part of another. */
  #move(from: Block, target: Block): void {
    if (this.#events === 0) return;
    const { memory, fill, entries } = from;
    const end = fill + this.#eventBytes;
    const [events, size] = [this.#events, memory.length];
    addon.copyBatch(target.memory, target.fill, target.entries, memory, 0, size, entries, events, fill, end);
  }

  #giveBack(): void {
    if (this.#own !== undefined) this.#builder.pool.give(this.#own);
    this.#own = undefined;
  }
}

function emptyBatch({ memory, fill, entries }: Block): Batch {
  return new Batch(memory, { base: 0, size: memory.length, first: entries, length: 0, start: fill, end: fill });
}

/** Writes the events of a batch as the elements of a Thrift list, without its head; answers their bytes. When there is less room, nothing of them counts. */
export function encodeThrift(batch: Batch, protocol: 'compact' | 'binary', into: Uint8Array): number {
  const { memory, base, size, first, length, start, end } = batch;
  return addon.encodeThrift(into, protocol === 'binary', memory, base, size, first, length, start, end);
}

function handshakeOf(handle: number): AvroHandshake {
  const { clientHash, clientProtocol, serverHash } = addon.handshakeOfWire(handle);
  return { clientHash, clientProtocol, serverHash };
}
