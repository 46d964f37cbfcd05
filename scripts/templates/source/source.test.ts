import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { freePort, openSource, ScratchChannel, type SourceClient, sourceContract } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { exampleSource } from './spec.ts';

const registration: Registration = { spec: exampleSource, module: new URL('./source.js', import.meta.url) };

const settings = (port: number) => ({ bind: '127.0.0.1', port });

/** Sends one request; resolves with the status code of the answer. */
async function send(port: number, body: string, { method = 'POST', agent = new Agent() } = {}) {
  const sent = request({ host: '127.0.0.1', port, method, agent }).end(body);
  const [response] = await once(sent, 'response');
  await once(response.resume(), 'end');
  return response.statusCode;
}

sourceContract(registration, {
  settings,
  async connect(port): Promise<SourceClient> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await send(port, '', { method: 'OPTIONS', agent })).toBe(405);
    return {
      async send(bodies) {
        const codes = await Promise.all(bodies.map((body) => send(port, body, { agent })));
        return codes.map((code) => (code === 200 ? 'accepted' : 'refused'));
      },
      async close() {
        agent.destroy();
      },
    };
  },
});

test('refuses a body that is too long, and goes on', async () => {
  using channel = new ScratchChannel();
  const port = await freePort();
  await using _ = await openSource(registration, { ...settings(port), maxBodyBytes: 10 }, { required: [channel] });
  expect(await send(port, 'x'.repeat(11))).toBe(413);
  expect(await send(port, 'x'.repeat(10))).toBe(200);
  expect(channel.takeBodies()).toEqual(['x'.repeat(10)]);
});
