import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { eventually, openSink, ScratchChannel, type SinkPeer, sinkContract } from '@millrace/testkit';
import { onTestFinished, test } from 'vitest';
import { exampleSink } from './spec.ts';

const registration: Registration = { spec: exampleSink, module: new URL('./sink.js', import.meta.url) };

const settings = (port: number) => ({ hostname: '127.0.0.1', port });

/** A server that keeps the lines it is sent. */
async function startPeer(): Promise<SinkPeer> {
  let lines: string[] = [];
  let failing = false;
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    if (!failing) lines.push(...text.split('\n').slice(0, -1));
    response.writeHead(failing ? 503 : 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    settings: settings((server.address() as AddressInfo).port),
    async received() {
      const all = lines;
      lines = [];
      return all;
    },
    async fail() {
      failing = true;
    },
    async mend() {
      failing = false;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

sinkContract(registration, { peer: startPeer });

test('sends again what was not answered within the timeout', async () => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    if (requests > 1) response.end();
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close().closeAllConnections());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  using channel = new ScratchChannel();
  await channel.put('one');
  await using sink = await openSink(registration, { ...settings(port), timeout: 50 }, channel);
  await eventually(() => sink.figures()).toMatchObject({ returned: 1, delivered: 1 });
});
