import { once } from 'node:events';
import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { InFlight, listen } from '@millrace/rpc/net';
import { Charset } from '../shared/charset.ts';
import { Connection } from './connection.ts';
import type { netcat } from './spec.ts';

export async function open(context: SourceContext<typeof netcat>): Promise<RunningSource> {
  const { config, log, metrics } = context;
  const charset = await Charset.named(config.encoding, 'encoding');
  const connections = new Set<Connection>();
  const inFlight = new InFlight(config.inFlightBytesMax);

  // A client that has sent its last line may end its side and still wait for the answers.
  const server = await listen({ host: config.host, port: config.port, allowHalfOpen: true }, (socket) => {
    const connection = new Connection(socket, { context, charset, inFlight });
    connections.add(connection);
    metrics.connections.add(1);
    socket.once('close', () => {
      connections.delete(connection);
      metrics.connections.add(-1);
    });
  });

  server.on('error', (error) => log.error({ error }, 'Accepting a connection failed.'));
  log.info({ address: server.address() }, 'Listening.');

  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      await Promise.all([...connections].map((connection) => connection.close()));
      await closed;
    },
  };
}
