import type { RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { headerMap } from '@millrace/channel-native';
import type { Batch, Headers, Meter, RunningSource, SourceContext } from '@millrace/kernel/component';
import type { SourceSpec } from '@millrace/kernel/spec';
import type { DatagramReader } from '../syslog/format.ts';
import { Losses } from './losses.ts';
import { bind, enlarge } from './socket.ts';
import { type Origin, Staging } from './staging.ts';

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
  key(from: RemoteInfo): string;
  headers(from: RemoteInfo): Promise<Headers>;
}

/** What a datagram takes besides its own bytes: its place here, and the headers of its event. */
const DATAGRAM_BYTES = 128;
/** Origins that are remembered, and for how long. */
const ORIGINS_MAX = 1_000;
const REMEMBERED_MS = 5 * 60_000;

/** How long the first datagram waits for others: at 50,000 a second they are a hundred then, and cost a third less each. */
const GATHER_MS = 2;
/** So much does not wait. */
const GATHERED_BYTES = 128 << 10;

/** Listens for datagrams: all that come within a moment, or while those before are put, become events together. */
export async function openDatagrams(source: DatagramSource): Promise<RunningSource> {
  const { config, log, metrics } = source.context;
  const socket = await bind(config.host, config.port);
  const receiver = new Receiver(source);
  socket.on('message', (datagram, from) => receiver.receive(datagram, from));
  socket.on('error', (error) => log.error({ error }, 'Receiving a datagram failed.'));
  enlarge(socket, config.receiveBufferBytes, log);
  const losses = new Losses(socket.address(), metrics.lost, log);
  log.info({ address: socket.address() }, 'Listening.');
  return {
    async close() {
      await losses.close();
      const closed = once(socket, 'close');
      socket.close();
      await closed;
      await receiver.close();
    },
  };
}

class Receiver {
  readonly #source: DatagramSource;
  #staging = new Staging();
  /** One that is empty. */
  #spare = new Staging();
  #gathering: NodeJS.Timeout | undefined;
  /** Whether datagrams are on their way into the channels. Those that come meanwhile follow together. */
  #putting = false;
  /** What was read and is not in the channels yet takes up. */
  #bytes = 0;
  /** Whether datagrams are dropped since one was put. */
  #dropping = false;
  #idle: PromiseWithResolvers<void> | undefined;
  readonly #origins = new Map<string, Origin>();
  #rememberedSince = 0;

  constructor(source: DatagramSource) {
    this.#source = source;
  }

  receive(datagram: Buffer, from: RemoteInfo): void {
    const { context, origins } = this.#source;
    const bytes = datagram.length + DATAGRAM_BYTES;
    if (this.#bytes + bytes > context.config.inFlightBytesMax) {
      this.#drop();
      return;
    }
    this.#bytes += bytes;
    this.#staging.add(datagram, origins && this.#originOf(from, origins));
    if (this.#putting) return;
    if (this.#staging.byteLength >= GATHERED_BYTES) this.#putAll();
    else this.#gathering ??= setTimeout(() => this.#putAll(), GATHER_MS);
  }

  #drop(): void {
    const { metrics, log } = this.#source.context;
    metrics.dropped.add(1);
    if (this.#dropping) return;
    this.#dropping = true;
    log.warn(
      {},
      'Datagrams are dropped: maxInFlightBytes is reached. Look why the channels have no room, or raise it.',
    );
  }

  /** Resolves when everything that came has been put or refused. */
  async close(): Promise<void> {
    if (this.#bytes === 0 && !this.#putting) return;
    this.#idle = Promise.withResolvers();
    if (!this.#putting) this.#putAll();
    await this.#idle.promise;
  }

  /** Puts what was staged, and what is staged meanwhile, until there is nothing. */
  async #putAll(): Promise<void> {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#putting = true;
    while (this.#staging.count > 0) {
      const staging = this.#staging;
      this.#staging = this.#spare;
      await this.#put(staging);
      staging.clear();
      this.#spare = staging;
    }
    this.#putting = false;
    this.#idle?.resolve();
  }

  /** Makes events of what was staged, and puts them. What the channels refuse is dropped. */
  async #put(staging: Staging): Promise<void> {
    const { context, reader } = this.#source;
    const unknown = staging.unknownOrigins();
    if (unknown.length > 0) await Promise.all(unknown);
    for (const batch of reader.datagrams(staging.staged())) await this.#emit(batch, context);
    this.#bytes -= staging.byteLength + DATAGRAM_BYTES * staging.count;
    this.#dropping = false;
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

  #originOf(from: RemoteInfo, origins: Origins): Origin {
    const key = origins.key(from);
    const remembered = this.#origins.get(key);
    if (remembered !== undefined && Date.now() < this.#rememberedSince + REMEMBERED_MS) return remembered;
    if (remembered !== undefined || this.#origins.size >= ORIGINS_MAX) this.#origins.clear();
    if (this.#origins.size === 0) this.#rememberedSince = Date.now();
    const origin: Origin = { headers: undefined, known: undefined };
    origin.known = origins.headers(from).then((headers) => {
      origin.headers = headerMap(this.#source.context.builder, headers);
    });
    this.#origins.set(key, origin);
    return origin;
  }
}
