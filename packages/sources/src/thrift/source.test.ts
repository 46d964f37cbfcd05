import type { Registration } from '@millrace/kernel/config/plan-types';
import { connect } from '@millrace/rpc';
import {
  configOf,
  eventually,
  LineClient,
  openSource,
  ScratchChannel,
  type Settings,
  type SourcePeer,
  sourceContract,
} from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { thrift } from './spec.ts';

const registration: Registration = { spec: thrift, module: new URL('./source.js', import.meta.url) };

/** A frame with the status of an `append` that has a number below 128. */
const ANSWER_BYTES = 18;

function append(body: string): Buffer {
  const call = Buffer.concat([
    Buffer.from('82210106617070656e641c1b0018', 'hex'),
    Buffer.of(body.length),
    Buffer.from(body),
    Buffer.of(0, 0),
  ]);
  return Buffer.concat([Buffer.of(0, 0, 0, call.length), call]);
}

const peer: SourcePeer = {
  settings: (port) => ({ bind: '127.0.0.1', port }),
  async connect(port) {
    const client = await LineClient.connect(port);
    let read = 0;
    return {
      async send(bodies) {
        await client.write(Buffer.concat(bodies.map(append)));
        const wanted = read + bodies.length * ANSWER_BYTES;
        await Promise.race([client.closed, eventually(() => client.received().length).toBe(wanted)]);
        const statuses: number[] = [];
        for (; read + ANSWER_BYTES <= client.received().length; read += ANSWER_BYTES) {
          statuses.push(client.received()[read + ANSWER_BYTES - 2]!);
        }
        return statuses.map((status) => (status === 0 ? 'accepted' : 'refused'));
      },
      close: () => client.close(),
    };
  },
};

sourceContract(registration, peer);

async function sendTo(settings: Settings, protocol: 'thrift-compact' | 'thrift-binary'): Promise<readonly string[]> {
  using channel = new ScratchChannel();
  await using source = await openSource(
    registration,
    { bind: '127.0.0.1', port: 0, ...settings },
    { required: [channel] },
  );
  const listening = source.log.lines.find(({ message }) => message === 'Listening.');
  const { port } = listening!.fields['address'] as { port: number };
  const client = await connect({ protocol, host: '127.0.0.1', port, requestTimeoutMs: 5_000 });
  await client.appendBatch(['one', 'two'].map((body) => ({ headers: { body }, body })));
  await client.append({ body: 'three' });
  await client.close();
  await source.stop();
  expect(source.figures()).toMatchObject({
    connections: 0,
    appendReceived: 1,
    appendAccepted: 1,
    batchReceived: 1,
    batchAccepted: 1,
    writeFailed: 0,
  });
  return channel.takeBodies();
}

describe('protocol', () => {
  test.for([
    [{}, 'thrift-compact'],
    [{ protocol: 'compact' }, 'thrift-compact'],
    [{ protocol: 'binary' }, 'thrift-binary'],
    [{ protocol: 'BINARY' }, 'thrift-compact'],
  ] as const)('%o means %s', async ([settings, protocol]) => {
    expect(await sendTo(settings, protocol)).toEqual(['one', 'two', 'three']);
  });

  test('in capitals is warned of, and anything else refused', async () => {
    const config = configOf(thrift, { bind: 'x', port: 0, protocol: 'BINARY' });
    expect(thrift.advise!(config as never)).toEqual([expect.stringContaining('which means compact')]);
    expect(() => configOf(thrift, { bind: 'x', port: 0, protocol: 'json' })).toThrow(
      'must be compact or binary, not "json"',
    );
  });
});

test('kerberos is refused: clients that need it would not be authenticated', () => {
  const config = configOf(thrift, { bind: 'x', port: 0, kerberos: true });
  expect(thrift.check!(config as never)).toEqual([expect.stringContaining('kerberos is true')]);
});
