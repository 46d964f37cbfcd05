import type { MetersOf, RunningSink, SinkContext } from '@millrace/kernel/component';
import type { ConfigOf } from '@millrace/kernel/spec';
import { type ClientSettings, type HostAndPort, openClient, type RpcClient } from '@millrace/rpc';
import { clientLayers } from '@millrace/rpc/net';
import type { rpcMetrics, rpcProperties } from './properties.ts';

interface RpcContext extends Pick<SinkContext<never>, 'log' | 'signal'> {
  readonly config: ConfigOf<typeof rpcProperties>;
  readonly metrics: MetersOf<typeof rpcMetrics>;
}

/** What the properties that all such sinks have do not say. */
type Rest = Omit<ClientSettings, keyof ConfigOf<typeof rpcProperties>> & {
  readonly compressionLevel?: number | undefined;
};

/** A sink runs before its peer does: the first delivery connects, and a delivery that fails leaves no connection behind. */
export function rpcSink({ config, metrics, log, signal }: RpcContext, rest: Rest): RunningSink {
  const { batchSize, reconnectAfterSeconds } = config;
  const { compressionLevel, ...settings } = rest;
  const ageMsMax = reconnectAfterSeconds > 0 ? reconnectAfterSeconds * 1_000 : Number.POSITIVE_INFINITY;
  let client: RpcClient | undefined;
  /** Connections of this client: one, unless it is for several hosts. */
  let connections = 0;

  function onConnected({ host, port }: HostAndPort): void {
    connections += 1;
    metrics.opened.add(1);
    log.info({ hostname: host, port }, 'Connected.');
  }

  /** A connection breaks or grows old between batches, never inside one: only here is it ever replaced. */
  async function connected(): Promise<RpcClient> {
    if (client?.usable && client.ageMs < ageMsMax) return client;
    await end('close');
    try {
      // Read each time, so that a trust store that was renewed is in force with the next connection.
      const layers = await clientLayers(config, { log, compressionLevel });
      client = await openClient({ ...config, ...settings }, { layers, signal, onConnected });
    } catch (error) {
      metrics.failed.add(1);
      throw error;
    }
    return client;
  }

  async function end(how: 'close' | 'destroy'): Promise<void> {
    if (client === undefined) return;
    await client[how]();
    client = undefined;
    metrics.closed.add(connections);
    connections = 0;
  }

  return {
    batchSize,
    async deliver(batch) {
      const peer = await connected();
      try {
        await peer.appendBatch(batch);
      } catch (error) {
        // Nobody may read the batch any more when this settles.
        await end('destroy');
        throw error;
      }
    },
    close: () => end('close'),
  };
}
