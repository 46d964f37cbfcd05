import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Batch, RunningSink, SinkContext } from '@millrace/kernel/component';
import type { exampleSink } from './spec.ts';

const lineEnd = Buffer.from('\n');

/** Sends one request after the other. */
export async function open({ config, signal }: SinkContext<typeof exampleSink>): Promise<RunningSink> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { host, port, path, timeoutMs: timeout } = config;
  const options = { host, port, path, method: 'POST', agent, timeout, signal };

  return {
    batchSize: config.batchSize,

    async deliver(batch) {
      const sent = request(options);
      sent.on('timeout', () => sent.destroy(new Error(`No answer within ${timeout} ms.`)));
      const answered = once(sent, 'response');
      sent.end(textOf(batch));
      const [response] = (await answered) as [IncomingMessage];
      await once(response.resume(), 'end');
      // What is thrown here leaves the events in the channel, and they are delivered again after a pause.
      const code = response.statusCode ?? 0;
      if (code < 200 || code > 299) throw new Error(`${host}:${port} has answered with ${code}.`);
    },

    async close() {
      agent.destroy();
    },
  };
}

/** A copy: the bytes of the batch are the channel's, and may not be read any more when `deliver` has settled. */
function textOf(batch: Batch): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let event = 0; event < batch.length; event += 1) pieces.push(batch.bodyView(event), lineEnd);
  return Buffer.concat(pieces);
}
