import { type RpcServer, type RpcServerOptions, serve } from '@millrace/rpc';
import type { SinkPeer } from '@millrace/testkit';

/** A real source's server that keeps the bodies it is given. */
export interface RpcPeer extends SinkPeer {
  /** How many connections it has had. */
  readonly connected: () => number;
  /** Ends it, with all its connections. */
  stop(): Promise<void>;
  /** Starts it again, at the same port. */
  start(): Promise<void>;
}

/** Starts a server for a sink. While it fails, it refuses every request. */
export async function rpcPeer({
  port = 0,
  ...options
}: Pick<RpcServerOptions, 'protocol' | 'layers'> & { port?: number }): Promise<RpcPeer> {
  let bodies: string[] = [];
  let [connected, failing] = [0, false];
  let server: RpcServer;
  const start = async () => {
    const onConnections = (change: number) => {
      if (change > 0) connected += 1;
    };
    server = await serve({ ...options, host: '127.0.0.1', port, onConnections }, async (batch) => {
      if (failing) throw Object.assign(new Error('The channel is full.'), { code: 'MR_CHANNEL_FULL' });
      for (let at = 0; at < batch.length; at += 1) bodies.push(batch.bodyView(at).toString());
    });
    ({ port } = server.address);
  };
  await start();
  return {
    settings: { hostname: '127.0.0.1', port, ...(options.protocol === 'thrift-binary' && { protocol: 'binary' }) },
    async received() {
      const taken = bodies;
      bodies = [];
      return taken;
    },
    async fail() {
      failing = true;
    },
    async mend() {
      failing = false;
    },
    connected: () => connected,
    stop: () => server.close(),
    start,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
