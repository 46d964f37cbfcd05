import { getSystemErrorName } from 'node:util';
import { type DatagramOrigin, type DatagramSocket, headerMap, type Received } from '@millrace/channel-native';
import type { Batch, Headers, Meter, RunningSource, SourceContext } from '@millrace/kernel/component';
import type { SourceSpec } from '@millrace/kernel/spec';
import type { DatagramReader } from '../syslog/format.ts';
import { Losses } from './losses.ts';
import { openSocket } from './socket.ts';
import { Staging } from './staging.ts';

/** What a source for datagrams is told, whatever it is called. */
export interface DatagramSource {
  readonly context: Pick<SourceContext<SourceSpec>, 'log' | 'builder' | 'emitEach'> & {
    readonly config: {
      readonly host: string | undefined;
      readonly port: number;
      readonly receiveBufferBytes: number;
      readonly inFlightBytesMax: number;
    };
    readonly metrics: { readonly dropped: Meter; readonly lost: Meter };
  };
  /** Understands datagrams. */
  readonly reader: DatagramReader;
  /** Headers for where datagrams come from, when somebody wants them. */
  readonly origins?: Origins | undefined;
}

/** What events are told about where they come from. */
export interface Origins {
  /** What distinguishes one from another. */
  key(from: DatagramOrigin): string;
  headers(from: DatagramOrigin): Promise<Headers>;
}

/** What a datagram takes besides its own bytes: its place here, and the headers of its event. */
const DATAGRAM_BYTES = 128;
/** Origins that are remembered, and for how long. */
const ORIGINS_MAX = 1_000;
const REMEMBERED_MS = 5 * 60_000;

/** How long the first datagram waits for others: at 50,000 a second they are a hundred then. */
const GATHER_MS = 2;
/** They wait in the system's buffer where that is so large. In a smaller one there may be no room for all of that time, so they wait here. */
const ROOMY_BYTES = 1 << 20;
/** So much does not wait. */
const GATHERED_BYTES = 128 << 10;
/** How long a socket is left alone that cannot be read. */
const FAILED_MS = 100;
/** How long what has come is read at the end: somebody may send as fast as that. */
const CLOSING_MS = 100;

/** Listens for datagrams: all that come within a moment, or while those before are put, become events together. */
export async function openDatagrams(source: DatagramSource): Promise<RunningSource> {
  const { config, log, metrics } = source.context;
  const { socket, address } = await openSocket(config, { origins: source.origins !== undefined, log });
  const losses = new Losses(address, metrics.lost, log);
  const receiver = new Receiver(socket, source);
  log.info({ address }, 'Listening.');
  return {
    async close() {
      await losses.close();
      await receiver.close();
    },
  };
}

class Receiver {
  readonly #socket: DatagramSocket;
  readonly #source: DatagramSource;
  /** Whether datagrams wait in the system's buffer. */
  readonly #roomy: boolean;
  #staging = new Staging();
  /** One that is empty. */
  #spare = new Staging();
  /** Until datagrams are received, or put. */
  #waiting: NodeJS.Timeout | undefined;
  #closed = false;
  /** Where those come from that were received last. */
  #lastOrigins: readonly DatagramOrigin[] | undefined;
  /** Whether datagrams are on their way into the channels. Those that come meanwhile follow together. */
  #putting = false;
  /** What those on their way take up. */
  #bytes = 0;
  /** Whether datagrams are dropped since one was put. */
  #dropping = false;
  #idle: Promise<void> = Promise.resolve();
  readonly #origins = new Map<string, Promise<Uint8Array>>();
  #rememberedSince = 0;

  constructor(socket: DatagramSocket, source: DatagramSource) {
    this.#socket = socket;
    this.#source = source;
    this.#roomy = socket.receiveBufferBytes >= ROOMY_BYTES;
    this.#watch();
  }

  /** Receives what has come, and resolves when all of it has been put or refused. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#waiting);
    const untilMs = performance.now() + CLOSING_MS;
    while (this.#receive().more && performance.now() < untilMs);
    this.#lastOrigins = this.#socket.takeOrigins();
    this.#socket.close();
    this.#putNow();
    await this.#idle;
  }

  #watch(): void {
    if (this.#closed) return;
    this.#socket.watch(() => {
      if (this.#roomy) this.#waiting = setTimeout(() => this.#receiveAll(), GATHER_MS);
      else this.#receiveAll();
    });
  }

  /** Receives until nothing is left, others having their turns in between, and has it put. */
  #receiveAll(): void {
    if (this.#closed) return;
    const { more, errno } = this.#receive();
    if (more) setImmediate(() => this.#receiveAll());
    else if (errno === 0) this.#watch();
    else setTimeout(() => this.#watch(), FAILED_MS).unref();
    if (this.#roomy || this.#staging.fill >= GATHERED_BYTES) this.#putNow();
    else if (this.#staging.count > 0) this.#waiting ??= setTimeout(() => this.#putNow(), GATHER_MS);
  }

  #putNow(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    if (!this.#putting) this.#idle = this.#putAll();
  }

  #receive(): Received {
    const { config, log } = this.#source.context;
    const staged = this.#staging.fill + DATAGRAM_BYTES * this.#staging.count;
    const budget = config.inFlightBytesMax - this.#bytes - staged;
    const received = this.#staging.receive(this.#socket, budget, DATAGRAM_BYTES);
    const { dropped, errno } = received;
    if (errno > 0) {
      const code = getSystemErrorName(-errno);
      log.error(
        { code },
        `The system does not let datagrams be received (${code}); trying again every ${FAILED_MS} ms.`,
      );
    }
    if (dropped > 0) this.#drop(dropped);
    return received;
  }

  #drop(datagrams: number): void {
    const { metrics, log } = this.#source.context;
    metrics.dropped.add(datagrams);
    if (this.#dropping) return;
    this.#dropping = true;
    log.warn(
      {},
      'Datagrams are dropped: maxInFlightBytes is reached. Look why the channels have no room, or raise it.',
    );
  }

  /** Puts what was staged, and what is staged meanwhile, until there is nothing. */
  async #putAll(): Promise<void> {
    this.#putting = true;
    while (this.#staging.count > 0) {
      const staging = this.#staging;
      this.#staging = this.#spare;
      this.#bytes = staging.fill + DATAGRAM_BYTES * staging.count;
      await this.#put(staging);
      this.#bytes = 0;
      this.#dropping = false;
      staging.clear();
      this.#spare = staging;
    }
    this.#putting = false;
  }

  /** Makes events of what was staged, and puts them. What the channels refuse is dropped. */
  async #put(staging: Staging): Promise<void> {
    const { context, reader, origins } = this.#source;
    const from = origins === undefined ? [] : (this.#lastOrigins ?? this.#socket.takeOrigins());
    const maps = await Promise.all(from.map((origin) => this.#mapOf(origin, origins!)));
    for (const batch of reader.datagrams(staging, maps)) await this.#emit(batch, context);
  }

  async #emit(batch: Batch, { emitEach, log }: DatagramSource['context']): Promise<void> {
    let datagrams = 0;
    let error: Error | undefined;
    await emitEach(batch, (_accepted, failure) => {
      if (failure === undefined) return;
      datagrams += 1;
      error = failure;
    });
    if (error !== undefined) log.warn({ error, datagrams }, 'A channel refused datagrams: they are dropped.');
  }

  /** The headers that say where a datagram comes from. */
  #mapOf(from: DatagramOrigin, origins: Origins): Promise<Uint8Array> {
    const key = origins.key(from);
    const remembered = this.#origins.get(key);
    if (remembered !== undefined && Date.now() < this.#rememberedSince + REMEMBERED_MS) return remembered;
    if (remembered !== undefined || this.#origins.size >= ORIGINS_MAX) this.#origins.clear();
    if (this.#origins.size === 0) this.#rememberedSince = Date.now();
    const map = origins.headers(from).then((headers) => headerMap(this.#source.context.builder, headers));
    this.#origins.set(key, map);
    return map;
  }
}
