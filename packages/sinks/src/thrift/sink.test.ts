import type { Registration } from '@millrace/kernel/config/plan-types';
import type { Declaration } from '@millrace/kernel/spec';
import { connect } from '@millrace/rpc';
import { configOf, eventually, openSink, ScratchChannel, sinkContract } from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { rpcPeer } from '../shared/rpc/peer.test.fixture.ts';
import { thrift } from './spec.ts';

const registration: Registration = { spec: thrift, module: new URL('./sink.js', import.meta.url) };

sinkContract(registration, { peer: () => rpcPeer({ protocol: 'thrift-compact' }) });

test('protocol = binary is spoken with a source that has it', async () => {
  const peer = await rpcPeer({ protocol: 'thrift-binary' });
  onTestFinished(() => peer[Symbol.asyncDispose]());
  using channel = new ScratchChannel({ poison: true });
  await using _sink = await openSink(registration, peer.settings, channel);
  await channel.put(...Array.from({ length: 40 }, (_, at) => ({ body: `event ${at}`, headers: { at: String(at) } })));
  await eventually(() => channel.counters().committed).toBe(40);
  expect(await peer.received()).toEqual(Array.from({ length: 40 }, (_, at) => `event ${at}`));
});

test('a source of the other protocol takes nothing', async () => {
  const peer = await rpcPeer({ protocol: 'thrift-binary' });
  onTestFinished(() => peer[Symbol.asyncDispose]());
  const client = await connect({ protocol: 'thrift-compact', host: '127.0.0.1', port: Number(peer.settings['port']) });
  await expect(client.append({ body: 'a' })).rejects.toMatchObject({ code: 'MR_PEER_LOST' });
  expect(await peer.received()).toEqual([]);
});

test('kerberos is refused, with what to do', () => {
  const config = configOf(thrift, { hostname: 'h', port: 1, kerberos: true });
  const { check } = thrift as Declaration;
  expect(check?.(config)).toEqual([
    'kerberos is true, and there is no Kerberos here yet: use ssl between the agents, or Flume for this hop',
  ]);
});
