import {
  BatchBuilder,
  type ChannelCounters,
  ChannelPort,
  type Headers,
  MemoryChannel,
  type MemoryChannelOptions,
  Owner,
  reclaimOwner,
} from '@millrace/channel-native';
import type { ChannelAddress } from '@millrace/kernel/channel';

/** An event as tests write and compare it. Bodies are text. */
export interface TextEvent {
  readonly headers: Headers;
  readonly body: string;
}

export interface ScratchOptions extends Partial<MemoryChannelOptions> {
  /** Overwrites events as soon as they are committed or rolled back, so that whoever reads them later is found out. */
  readonly poison?: boolean;
}

const DEFAULTS = { capacity: 10_000, transactionCapacity: 1_000, keepAliveMs: 0, byteCapacity: 16 << 20 };

/** A real memory channel with a port of the test's own at both ends. By default it is roomy, and does not wait when it is full. */
export class ScratchChannel implements Disposable {
  readonly port: ChannelPort;
  /** What a component's runner connects to. */
  readonly address: ChannelAddress;
  readonly #channel: MemoryChannel;
  readonly #owner = new Owner();
  readonly #builder = new BatchBuilder();

  constructor({ poison = false, ...options }: ScratchOptions = {}) {
    const before = process.env['MILLRACE_POISON'];
    if (poison) process.env['MILLRACE_POISON'] = '1';
    this.#channel = new MemoryChannel({ ...DEFAULTS, ...options });
    if (before === undefined) delete process.env['MILLRACE_POISON'];
    else process.env['MILLRACE_POISON'] = before;
    this.port = new ChannelPort(this.#channel.address, this.#owner);
    const module = import.meta.resolve('@millrace/kernel/channels/native');
    this.address = { module, data: this.#channel.address };
  }

  counters(): ChannelCounters {
    return this.#channel.counters();
  }

  /** Puts events as one transaction; a string is an event without headers. */
  async put(...events: readonly (TextEvent | string)[]): Promise<void> {
    for (const event of events) {
      if (typeof event === 'string') this.#builder.append(event);
      else this.#builder.append(event.body, event.headers);
    }
    const batch = this.#builder.finish();
    await this.port.put(batch);
    batch.release();
  }

  /** Takes what is there now, at most `max` events, and removes it. */
  take(max = Number.POSITIVE_INFINITY): TextEvent[] {
    const events: TextEvent[] = [];
    while (events.length < max) {
      const lease = this.port.tryTake(Math.min(max - events.length, this.port.transactionCapacity));
      if (lease === undefined) break;
      for (let at = 0; at < lease.batch.length; at += 1) {
        events.push({ headers: lease.batch.headers(at), body: lease.batch.bodyView(at).toString() });
      }
      lease.commit();
    }
    return events;
  }

  /** The bodies of what is there now, which is removed. */
  takeBodies(max?: number): string[] {
    return this.take(max).map(({ body }) => body);
  }

  /** Refuses everything from now on. */
  close(): void {
    this.#channel.close();
  }

  [Symbol.dispose](): void {
    this.close();
    this.#owner.leave();
    reclaimOwner(this.#owner.id);
  }
}
