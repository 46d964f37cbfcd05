import { getSystemErrorName } from 'node:util';
import { addon } from './addon.ts';
import { type Sockets, socketsOfThread } from './sockets.ts';

/** Datagrams that lie one behind the other. */
export interface StagedDatagrams {
  readonly bytes: Uint8Array;
  /** Two numbers for each: its length, and where it comes from. */
  readonly marks: Uint32Array;
  readonly count: number;
}

export interface DatagramSocketOptions {
  /** An address, no name. */
  readonly address: string;
  /** 0 for one that is free. */
  readonly port: number;
  /** What the system is asked for; it may grant less. */
  readonly receiveBufferBytes: number;
  /** Whether {@link DatagramSocket.takeOrigins} is to say where datagrams come from. */
  readonly origins: boolean;
}

/** What {@link DatagramSocket.receive} did. */
export interface Received {
  /** Bytes and datagrams that are staged now. */
  readonly fill: number;
  readonly count: number;
  /** Datagrams that cost more than was left. */
  readonly dropped: number;
  /** Whether to receive again soon: what is staged has no room for more, or others should have their turn first. */
  readonly more: boolean;
  /** The system's number of an error, or 0. */
  readonly errno: number;
}

/** Bytes of the longest datagram. */
export const DATAGRAM_BYTES_MAX = 64 << 10;

const NO_SOCKETS = 'another copy of @millrace/channel-native has the sockets of this thread: install only one';
const UNWATCHED = 'the system lets this event loop watch no more sockets: raise fs.epoll.max_user_watches';

/** What has its length in 32 bits. */
const STAGED_BYTES_MAX = 2 ** 32 - 1;

/** bytes, datagrams, dropped, more, errno: what the last native call did. */
const did = new Uint32Array(5) as Uint32Array & [number, number, number, number, number];

/** A UDP socket that native code reads, many datagrams with one call. */
export class DatagramSocket {
  /** The port it is bound to. */
  readonly port: number;
  /** What the system has granted. */
  readonly receiveBufferBytes: number;
  readonly #number: number;
  readonly #sockets: Sockets;

  private constructor(number: number, sockets: Sockets, port: number, receiveBufferBytes: number) {
    this.#number = number;
    this.#sockets = sockets;
    this.port = port;
    this.receiveBufferBytes = receiveBufferBytes;
  }

  /** Throws the system's error, with its `code`; one without a code where native code can have no sockets, or no more. */
  static open({ address, port, receiveBufferBytes, origins }: DatagramSocketOptions): DatagramSocket {
    const sockets = socketsOfThread();
    if (sockets === undefined) throw new Error(NO_SOCKETS);
    const number = addon.openDatagrams(address, port, Math.min(receiveBufferBytes, 2 ** 31 - 1), origins, did);
    const [boundTo, granted, errno] = did;
    if (number > 0) return new DatagramSocket(number, sockets, boundTo, granted);
    if (errno === 0) throw new Error(UNWATCHED);
    const code = getSystemErrorName(-errno);
    throw Object.assign(new Error(`bind ${code} ${address}:${port}`), { code });
  }

  /** Calls once when there is something to receive. */
  watch(readable: () => void): void {
    this.#sockets.receivers.set(this.#number, readable);
    addon.watchDatagrams(this.#number);
  }

  /**
   * Receives what there is, behind what was staged. Each datagram costs its bytes and `cost`; one that costs more than is left of `budget` is
   * dropped. There has to be room for one of the longest.
   */
  receive(staged: StagedDatagrams & { readonly fill: number }, budget: number, cost: number): Received {
    const { bytes, fill, marks, count: before } = staged;
    const most = Math.min(budget, STAGED_BYTES_MAX - fill);
    addon.receiveDatagrams(this.#number, bytes, fill, marks, before, most, cost, did);
    const [filled, count, dropped, more, errno] = did;
    return { fill: filled, count, dropped, more: more !== 0, errno };
  }

  /** Where the datagrams come from that were received since this was asked last, in the order of their numbers. */
  takeOrigins(): DatagramOrigin[] {
    const texts = addon.takeDatagramOrigins(this.#number);
    return Array.from({ length: texts.length / 2 }, (_, at) => ({
      address: texts[2 * at]!,
      port: Number(texts[2 * at + 1]),
    }));
  }

  /** Closes it at once; nobody is told anything more. */
  close(): void {
    addon.closeDatagrams(this.#number);
    this.#sockets.receivers.delete(this.#number);
  }
}

/** Where a datagram comes from. IPv4 addresses are written as such, also where they come by IPv6. */
export interface DatagramOrigin {
  readonly address: string;
  readonly port: number;
}
