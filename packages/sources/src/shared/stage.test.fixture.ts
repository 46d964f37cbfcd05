import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { LineClient, type OpenComponent, openSource, ScratchChannel, type Settings } from '@millrace/testkit';

/** A source over a channel that holds what it is given, and a way to send to it. */
export interface Stage extends AsyncDisposable {
  readonly channel: ScratchChannel;
  readonly source: OpenComponent;
  /** Where it listens, in the order in which it began to. */
  readonly ports: readonly number[];
  /** Sends text over a connection of its own, and ends that. */
  send(text: string | Uint8Array, port?: number): Promise<void>;
  /** Sends datagrams from a socket of its own. */
  sendDatagrams(...datagrams: readonly (string | Uint8Array)[]): Promise<number>;
}

/** Opens a source on a free port of the loopback address. */
export async function stage(
  registration: Registration,
  settings: Settings,
  channel = new ScratchChannel(),
): Promise<Stage> {
  const source = await openSource(registration, settings, { required: [channel] });
  const ports = source.log.lines
    .filter(({ message }) => message === 'Listening.')
    .map(({ fields }) => (fields['address'] as { port: number }).port);
  return {
    channel,
    source,
    ports,
    async send(text, port = ports[0]!) {
      const client = await LineClient.connect(port);
      await client.write(text);
      await client.close();
    },
    async sendDatagrams(...datagrams) {
      const socket = createSocket('udp4');
      socket.connect(ports[0]!, '127.0.0.1');
      await once(socket, 'connect');
      for (const datagram of datagrams) await new Promise((resolve) => socket.send(datagram, resolve));
      const { port } = socket.address();
      socket.close();
      return port;
    },
    async [Symbol.asyncDispose]() {
      await source.stop();
      channel[Symbol.dispose]();
    },
  };
}
