import type { Batch, BatchBuilder, DirectEnd, Log, MetersOf, RunningSource } from '@millrace/kernel/component';
import { type RpcServerOptions, serve } from '@millrace/rpc';
import { type ServerTlsConfig, serverLayers } from '@millrace/rpc/net';
import type { rpcSourceMetrics } from './properties.ts';

/** What the sources of both protocols are opened with. */
interface RpcSourceContext {
  readonly config: ServerTlsConfig & {
    readonly host: string;
    readonly port: number;
    readonly inFlightBytesMax: number;
  };
  readonly metrics: MetersOf<ReturnType<typeof rpcSourceMetrics>>;
  readonly log: Log;
  readonly emit: (batch: Batch) => Promise<void>;
  readonly builder: BatchBuilder;
  readonly direct?: DirectEnd;
}

/** Opens a source that serves Flume's RPC clients: each of their requests is a transaction. */
export async function openRpc(
  { config, metrics, log, emit, builder, direct: into }: RpcSourceContext,
  {
    compressionLevel,
    ...special
  }: Pick<RpcServerOptions, 'protocol' | 'admit'> & { readonly compressionLevel?: number | undefined },
): Promise<RunningSource> {
  const { host, port, inFlightBytesMax } = config;
  const layers = await serverLayers(config, { log, compressionLevel });
  const onConnections = (change: 1 | -1) => metrics.connections.add(change);
  const direct = into && {
    into,
    appends: [metrics.appendReceived.cell, metrics.appendAccepted.cell],
    batches: [metrics.batchReceived.cell, metrics.batchAccepted.cell],
  };
  const server = await serve(
    { host, port, inFlightBytesMax, layers, builder, log, onConnections, ...(direct && { direct }), ...special },
    (batch, call) => {
      const [received, accepted] =
        call === 'append'
          ? [metrics.appendReceived, metrics.appendAccepted]
          : [metrics.batchReceived, metrics.batchAccepted];
      received.add(1);
      return emit(batch).then(() => accepted.add(1));
    },
  );
  log.info({ address: server.address }, 'Listening.');
  return server;
}
