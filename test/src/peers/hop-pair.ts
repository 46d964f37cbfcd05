import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@millrace/testkit';
import { eventsIn, type FileEvent } from './avro-file.ts';
import { both, kinds, other } from './both.ts';
import { type Kind, Peer } from './peer.ts';

export type Settings = Readonly<Record<string, string | number | boolean>>;

/** One way over which each agent sends to the other. */
export interface Hop {
  readonly source?: Settings;
  readonly sink?: Settings;
}

/** A source of each agent that only the test sends to, and the channel behind it, without a sink. */
export interface Extra {
  readonly source?: Settings;
  readonly channel?: Settings;
}

export interface HopPairOptions {
  readonly type: 'avro' | 'thrift';
  /** By name. What is sent to the source `feed` goes over all of those that have a sink. */
  readonly hops: Readonly<Record<string, Hop>>;
  readonly extras?: Readonly<Record<string, Extra>>;
}

/**
 * An agent of Flume and one of Millrace with the same configuration, each a peer of the other.
 *
 *   feed ─┬▶ to-HOP ─────────▶ HOP ─▶ a file in the directory HOP of the other agent
 *         └▶ to-HOP ─────────▶ HOP ─▶ …
 */
export class HopPair {
  readonly #directory = mkdtempSync(join(tmpdir(), 'millrace-hop-pair-'));
  readonly #ports = new Map<string, number>();
  readonly #peers: Peer[] = [];

  private constructor() {}

  static async start({ type, hops, extras = {} }: HopPairOptions): Promise<HopPair> {
    const pair = new HopPair();
    const sources = ['feed', ...Object.keys(hops), ...Object.keys(extras)];
    await both(async (kind) => {
      for (const source of sources) pair.#ports.set(`${kind} ${source}`, await freePort());
    });
    // A sink of Flume waits for five seconds when it finds nobody at first.
    for (const kind of kinds.toReversed()) {
      const peer = new Peer(kind, pair.#configuration(kind, { type, hops, extras }));
      pair.#peers.push(peer);
      for (const source of sources) await peer.listening(pair.port(kind, source));
    }
    return pair;
  }

  /** Where a source of an agent listens. */
  port(kind: Kind, source: string): number {
    return this.#ports.get(`${kind} ${source}`)!;
  }

  /** What has come to a source of an agent, once it is so many events. */
  async events(kind: Kind, hop: string, count: number): Promise<readonly FileEvent[]> {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const events = await eventsIn(this.#out(kind, hop));
      if (events.length >= count) return events;
      if (performance.now() > deadline) {
        const said = this.#peers.flatMap((peer) => [`${peer.kind}:`, ...peer.output()]);
        throw new Error([`${kind} got ${events.length} events of ${count} over ${hop}.`, ...said].join('\n'));
      }
      await sleep(20);
    }
  }

  async stop(): Promise<void> {
    // Flume would wait for its sinks, and these wait for events.
    await Promise.all(this.#peers.map((peer) => peer.stop(peer.kind === 'Flume' ? 'SIGKILL' : 'SIGTERM')));
    rmSync(this.#directory, { recursive: true });
  }

  #configuration(kind: Kind, { type, hops, extras = {} }: HopPairOptions): string {
    const listen = (source: string) => ({ type, bind: '127.0.0.1', port: this.port(kind, source) });
    const senders = Object.entries(hops).filter(([, { sink }]) => sink !== undefined);
    const channels = senders.map(([hop]) => `to-${hop}`).join(' ');
    // Flume's sinks wait so long for an event, and otherwise for up to five seconds without looking.
    const queue = {
      type: 'memory',
      capacity: 1_000,
      transactionCapacity: 100,
      byteCapacity: 2 ** 27,
      'keep-alive': 60,
    };
    const lines = [
      ...propertiesOf('sources', { feed: { ...listen('feed'), channels } }),
      ...senders.flatMap(([hop, { sink }]) => {
        const target = { hostname: '127.0.0.1', port: this.port(other(kind), hop) };
        return [
          ...propertiesOf('channels', { [`to-${hop}`]: queue }),
          ...propertiesOf('sinks', { [`to-${hop}`]: { type, ...target, channel: `to-${hop}`, ...sink } }),
        ];
      }),
      ...Object.entries(hops).flatMap(([hop, { source }]) => {
        const file = { type: 'file_roll', 'sink.directory': this.#out(kind, hop), 'sink.rollInterval': 0 };
        const writing = { 'sink.serializer': 'avro_event', 'sink.batchSize': 1 };
        return [
          ...propertiesOf('sources', { [hop]: { ...listen(hop), channels: hop, ...source } }),
          ...propertiesOf('channels', { [hop]: queue }),
          ...propertiesOf('sinks', { [hop]: { ...file, ...writing, channel: hop } }),
        ];
      }),
      ...Object.entries(extras).flatMap(([extra, { source, channel }]) => [
        ...propertiesOf('sources', { [extra]: { ...listen(extra), channels: extra, ...source } }),
        ...propertiesOf('channels', { [extra]: { type: 'memory', capacity: 10_000, ...channel } }),
      ]),
    ];
    const named = (['sources', 'channels', 'sinks'] as const).map((of) => {
      const names = lines.flatMap((line) => new RegExp(`^a1\\.${of}\\.([^.]+)\\.type `).exec(line)?.[1] ?? []);
      return `a1.${of} = ${names.join(' ')}`;
    });
    return [...named, ...lines, ''].join('\n');
  }

  #out(kind: Kind, hop: string): string {
    const directory = join(this.#directory, kind, hop);
    mkdirSync(directory, { recursive: true });
    return directory;
  }
}

const propertiesOf = (of: string, components: Readonly<Record<string, Settings>>): string[] =>
  Object.entries(components).flatMap(([name, settings]) =>
    Object.entries(settings).map(([key, value]) => `a1.${of}.${name}.${key} = ${value}`),
  );
