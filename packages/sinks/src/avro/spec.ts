import { defineSink, property } from '@millrace/kernel/spec';
import { count, flag, integer, milliseconds, oneOf, text, textByName } from '@millrace/kernel/types';
import { rpcFacts, rpcMetrics, rpcProperties } from '../shared/rpc/properties.ts';

export const avro = defineSink({
  type: 'avro',
  classNames: ['org.apache.flume.sink.AvroSink'],
  summary:
    'Sends events to the Avro source of another agent. Events leave the channel when that source has acknowledged them; after a failure they are sent again, so some may come twice.',
  stability: 'stable',
  // A request costs the same for one event as for a hundred.
  lingerMs: 3,
  properties: {
    ...rpcProperties,
    compressionType: property(
      'compression-type',
      oneOf({ none: [], deflate: [] }).default('none'),
      'Compresses what is sent and received, if the source does so too.',
    ),
    compressionLevel: property('compression-level', integer(0, 9).default(6), 'From `0`, which is none, to `9`.'),
    clientType: property(
      'client.type',
      oneOf({ default: [], default_failover: [], default_loadbalance: [], thrift: [] }).default('default'),
      'With `default_failover` and `default_loadbalance`, `hosts` names the sources to send to, and `hostname` and `port` are not used: to the next one when one has failed, or to each in turn. `thrift` sends as the Thrift sink does.',
    ),
    hosts: property(
      'hosts',
      text.optional(),
      'Names of hosts with blanks between them; `hostname` and `port` are not used then.',
    ),
    addresses: property('hosts.', textByName, 'Where a host of that name is, as `HOST:PORT`.'),
    maxAttempts: property(
      'max-attempts',
      count.optional(),
      'With `default_failover`: most hosts to which a batch is sent before its delivery has failed. Without it, as many as there are.',
    ),
    hostSelector: property(
      'host-selector',
      oneOf({ round_robin: [], random: [] }).default('round_robin'),
      'With `default_loadbalance`: how the host is chosen for each batch.',
    ),
    backoff: property(
      'backoff',
      flag.default(false),
      'With `default_loadbalance`: leave out a host that has failed, for 2 s the first time and twice as long each further time.',
    ),
    maxBackoffMs: property(
      'maxBackoff',
      milliseconds.default(30_000),
      'The longest that it is left out, in milliseconds.',
    ),
  },
  withoutMeaning: {
    maxIoWorkers: 'a sink has one connection at a time, and the system does its work. Flume 1.11 ignores it too.',
    maxConnections: 'a sink has one connection at a time.',
  },
  metrics: rpcMetrics,
  batch: 'batchSize',
  check: brokenRules,
  facts: ({ clientType, ...config }) => ({
    ...rpcFacts(config),
    ...(config.hosts !== undefined && { to: Object.values(config.addresses).join(' ') }),
    ...(clientType === 'default_loadbalance' && {
      disorder: 'It sends its batches to several hosts in turn, which nothing keeps in order.',
    }),
  }),
});

interface Hosts {
  readonly hosts: string | undefined;
  readonly addresses: Readonly<Record<string, string>>;
  readonly clientType: string;
}

function brokenRules({ hosts = '', addresses, clientType }: Hosts): string[] {
  const names = hosts.split(/\s+/).filter(Boolean);
  const wrong = names.filter((name) => !/^[^:\s]+:\d{1,5}$/.test(addresses[name] ?? ''));
  const broken = wrong.map((name) => `hosts.${name} is "${addresses[name] ?? ''}": set it to HOST:PORT`);
  if (clientType === 'default_loadbalance' && names.length < 2)
    broken.push('client.type is default_loadbalance and there are less than two hosts: name them in hosts');
  return broken;
}
