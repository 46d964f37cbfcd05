import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { Charset } from './charset.ts';
import { Connection } from './connection.ts';
import { InFlight } from './in-flight.ts';
import type { netcat } from './spec.ts';

/** As many connections as may wait to be accepted; the system caps it. */
const BACKLOG = 4_096;

export async function open(context: SourceContext<typeof netcat>): Promise<RunningSource> {
  const { config, log, metrics } = context;
  const charset = await Charset.named(config.encoding);
  const connections = new Set<Connection>();
  const inFlight = new InFlight(config.inFlightBytesMax);

  // A client that has sent its last line may end its side and still wait for the answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
    const connection = new Connection(socket, { context, charset, inFlight });
    connections.add(connection);
    metrics.connections.add(1);
    socket.once('close', () => {
      connections.delete(connection);
      metrics.connections.add(-1);
    });
  });

  // A name may have several addresses, of which Java takes the IPv4 one.
  const { address } = await lookup(config.host, { order: 'ipv4first' });
  server.listen({ host: address, port: config.port, backlog: BACKLOG });
  await once(server, 'listening');
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
