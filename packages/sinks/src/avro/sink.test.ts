import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { BatchBuilder } from '@millrace/channel-native';
import { memory } from '@millrace/kernel/channels/memory/spec';
import type { OpenSink, SinkContext } from '@millrace/kernel/component';
import { planTexts } from '@millrace/kernel/config/load';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { createRegistry } from '@millrace/kernel/config/registry';
import {
  configOf,
  eventually,
  freePort,
  openSink,
  recordLog,
  ScratchChannel,
  type Settings,
  sinkContract,
} from '@millrace/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RpcPeer, rpcPeer } from '../shared/rpc/peer.test.fixture.ts';
import { avro } from './spec.ts';

const registration: Registration = { spec: avro, module: new URL('./sink.js', import.meta.url) };

sinkContract(registration, { peer: () => rpcPeer({ protocol: 'avro' }) });

async function startPeer(options = {}): Promise<RpcPeer> {
  const peer = await rpcPeer({ protocol: 'avro', ...options });
  onTestFinished(() => peer[Symbol.asyncDispose]());
  return peer;
}

/** A sink on a channel of its own. */
async function openAvro(settings: Settings) {
  const channel = new ScratchChannel({ poison: true });
  onTestFinished(() => channel[Symbol.dispose]());
  const sink = await openSink(registration, settings, channel);
  onTestFinished(() => sink.stop());
  return {
    channel,
    sink,
    errors: () => sink.log.lines.filter(({ level }) => level === 'error').map(({ fields }) => String(fields['error'])),
    /** Puts events and waits until they have left the channel. */
    async deliver(...bodies: string[]) {
      const { committed } = channel.counters();
      await channel.put(...bodies);
      await eventually(() => channel.counters().committed).toBe(committed + bodies.length);
    },
  };
}

describe('a connection', () => {
  test('is made when there is something to send, and again until there is somebody to send to', async () => {
    const port = await freePort();
    const { channel, sink, errors } = await openAvro({ hostname: '127.0.0.1', port });
    expect(errors()).toEqual([]);
    await channel.put('a');
    await eventually(() => sink.figures()['failed']).toBeGreaterThan(1);
    expect(errors()[0]).toContain(`Cannot connect to 127.0.0.1:${port}`);
    expect(sink.figures()).toMatchObject({ opened: 0, closed: 0 });
    const peer = await startPeer({ port });
    await eventually(() => channel.counters().committed).toBe(1);
    expect(await peer.received()).toEqual(['a']);
  });

  test('is used for every batch', async () => {
    const peer = await startPeer();
    const { deliver, sink } = await openAvro(peer.settings);
    for (const body of ['a', 'b', 'c']) await deliver(body);
    expect(peer.connected()).toBe(1);
    await sink.stop();
    expect(sink.figures()).toMatchObject({ opened: 1, closed: 1, failed: 0, returned: 0 });
  });

  test('that the peer has ended between two batches is replaced, and no delivery fails', async () => {
    const peer = await startPeer();
    const { deliver, sink } = await openAvro(peer.settings);
    await deliver('a');
    await peer.stop();
    await peer.start();
    await deliver('b');
    expect(await peer.received()).toEqual(['a', 'b']);
    expect(sink.figures()).toMatchObject({ opened: 2, closed: 1, returned: 0 });
  });

  test('is replaced when it is older than reset-connection-interval', async () => {
    const peer = await startPeer();
    const { deliver } = await openAvro({ ...peer.settings, 'reset-connection-interval': 1 });
    await deliver('a');
    await deliver('b');
    expect(peer.connected()).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await deliver('c');
    expect(peer.connected()).toBe(2);
    expect(await peer.received()).toEqual(['a', 'b', 'c']);
  });

  test('may be compressed', async () => {
    const peer = await startPeer({ layers: { compressionLevel: 6 } });
    const { deliver } = await openAvro({ ...peer.settings, 'compression-type': 'deflate', 'compression-level': 9 });
    await deliver('a', 'b');
    expect(await peer.received()).toEqual(['a', 'b']);
  });
});

describe('batches', () => {
  test('that are refused come again, over another connection, when the pause is over', async () => {
    const peer = await startPeer();
    const { channel, sink, errors } = await openAvro(peer.settings);
    await peer.fail();
    await channel.put('a', 'b');
    await eventually(() => sink.figures()['returned']).toBeGreaterThanOrEqual(4);
    await peer.mend();
    await eventually(() => channel.counters().committed).toBe(2);
    expect(await peer.received()).toEqual(['a', 'b']);
    expect(errors()[0]).toContain('has not taken the events (FAILED)');
    expect(sink.figures()['opened']).toBe(sink.figures()['returned']! / 2 + 1);
  });

  test('have batch-size events at most', async () => {
    const peer = await startPeer();
    const { channel } = await openAvro({ ...peer.settings, 'batch-size': 3 });
    await channel.put(...'abcdefgh');
    await eventually(() => channel.counters().committed).toBe(8);
    expect(await peer.received()).toEqual([...'abcdefgh']);
  });
});

describe('several hosts', () => {
  const hosts = (...peers: RpcPeer[]): Settings => ({
    ...{ hostname: 'unused.invalid', port: 1, hosts: peers.map((_, at) => `h${at}`).join(' ') },
    ...Object.fromEntries(peers.map(({ settings }, at) => [`hosts.h${at}`, `127.0.0.1:${settings['port']}`])),
  });

  test('with default_failover stand in for each other', async () => {
    const [first, second] = [await startPeer(), await startPeer()];
    const { deliver, sink } = await openAvro({ ...hosts(first, second), 'client.type': 'default_failover' });
    await deliver('a');
    await first.fail();
    await deliver('b');
    await first.mend();
    await deliver('c');
    expect([await first.received(), await second.received()]).toEqual([['a'], ['b', 'c']]);
    expect(sink.figures()).toMatchObject({ returned: 0, opened: 2 });
    const connected = sink.log.lines.filter(({ message }) => message === 'Connected.');
    expect(connected.map(({ fields }) => fields['port'])).toEqual([first.settings['port'], second.settings['port']]);
  });

  test('with default_loadbalance take turns', async () => {
    const [first, second] = [await startPeer(), await startPeer()];
    const { deliver } = await openAvro({ ...hosts(first, second), 'client.type': 'default_loadbalance' });
    for (const body of 'abcd') await deliver(body);
    expect([await first.received(), await second.received()]).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ]);
  });
});

test('a delivery is given up when the time for draining is over', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const log = recordLog();
  const overdue = new AbortController();
  const meter = { cell: new Float64Array(1), add() {} };
  const { open }: { open: OpenSink<typeof avro> } = await import(registration.module.href);
  const sink = await open({
    ...{ id: 'a1.sinks.k1', log, signal: overdue.signal, metrics: { opened: meter, closed: meter, failed: meter } },
    config: configOf(avro, { hostname: '127.0.0.1', port }) as SinkContext<typeof avro>['config'],
  });
  const builder = new BatchBuilder();
  builder.append('a');
  const delivery = sink.deliver(builder.finish());
  overdue.abort();
  await expect(delivery).rejects.toThrow('aborted');
  await sink.close();
  silent.close();
});

describe('a configuration', () => {
  function told(lines: string[]): string[] {
    const text = [
      ...['a1.channels = c1', 'a1.channels.c1.type = memory', 'a1.sinks = k1'],
      ...['type = avro', 'channel = c1', 'hostname = h', 'port = 4141', ...lines].map((line) => `a1.sinks.k1.${line}`),
    ].join('\n');
    const registry = createRegistry([registration, { spec: memory, module: registration.module }]);
    const { diagnostics } = planTexts(new Map([['flume.conf', Buffer.from(text)]]), {
      registry,
      system: new Map(),
      environment: new Map(),
    });
    return diagnostics
      .filter(({ subject }) => subject.startsWith('a1.sinks'))
      .map(({ severity, message, suggestion }) => `${severity}: ${message} → ${suggestion}`);
  }

  test('with every property of Flume is taken', () => {
    const tls = [
      'ssl = true',
      'trust-all-certs = false',
      'truststore = t',
      'truststore-password = p',
      'truststore-type = JKS',
    ];
    const rules = [
      'exclude-protocols = a',
      'include-protocols = b',
      'exclude-cipher-suites = c',
      'include-cipher-suites = d',
    ];
    const client = ['client.type = default_failover', 'hosts = x', 'hosts.x = y:1', 'max-attempts = 3'];
    const own = [
      'batch-size = 5',
      'connect-timeout = 2000',
      'request-timeout = 2000',
      'reset-connection-interval = 60',
    ];
    const balance = [
      'host-selector = RANDOM',
      'backoff = true',
      'maxBackoff = 5',
      'compression-type = DEFLATE',
      'compression-level = 1',
    ];
    expect(told([...tls, ...rules, ...client, ...own, ...balance])).toEqual([]);
  });

  test('with a timeout or a batch that cannot be gets the default, as in Flume', () => {
    expect(told(['connect-timeout = 999', 'request-timeout = soon', 'batch-size = 0']).sort()).toEqual([
      expect.stringMatching(/^warning: batch-size .* It counts as 100, as in Flume/),
      expect.stringMatching(/^warning: connect-timeout .* It counts as 20000, as in Flume/),
      expect.stringMatching(/^warning: request-timeout .* It counts as 20000, as in Flume/),
    ]);
  });

  test('with maxIoWorkers is told that it has no meaning', () => {
    expect(told(['maxIoWorkers = 4'])).toEqual([expect.stringContaining('maxIoWorkers has no meaning here')]);
  });

  test('whose hosts cannot be used is told which', () => {
    expect(told(['hosts = a b', 'hosts.a = x', 'hosts.b = y:1'])).toEqual([
      'error: a1.sinks.k1: hosts.a is "x". Sink k1 is dropped. → set it to HOST:PORT',
    ]);
    expect(told(['client.type = default_loadbalance'])).toEqual([
      expect.stringContaining('there are less than two hosts. Sink k1 is dropped. → name them in hosts'),
    ]);
  });
});
