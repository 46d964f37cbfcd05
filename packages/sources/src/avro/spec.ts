import { defineSource, portUsed, property } from '@millrace/kernel/spec';
import { checkTlsServer, tlsServerProperties } from '@millrace/kernel/tls-properties';
import { count, flag, host, oneOf, port, text } from '@millrace/kernel/types';
import { rpcSourceMetrics } from '../shared/rpc/properties.ts';

const RULE = /^(allow|deny):(ip|name):.+$/i;

export const avro = defineSource({
  type: 'avro',
  classNames: ['org.apache.flume.source.AvroSource'],
  summary: 'Listens for events of Avro clients: avro sinks of other agents, `avro-client`, log4j appenders.',
  stability: 'stable',
  drive: 'event',
  properties: {
    host: property('bind', host, 'Address to listen on.'),
    port: property('port', port, 'TCP port to listen on. `0` takes a free one and logs it.'),
    compression: property(
      'compression-type',
      oneOf({ none: [], deflate: [] }).default('none'),
      'Whether connections are compressed. It must be the same at the client.',
    ),
    ipFilter: property('ipFilter', flag.default(false), 'Let `ipFilterRules` decide who may connect.'),
    ipFilterRules: property(
      'ipFilterRules',
      text.transform((list) => list.split(',').map((rule) => rule.trim())).default([]),
      'Rules with commas between them, such as `allow:ip:10.*,allow:name:localhost,deny:ip:*`: the first that fits decides, and without one a client may connect. `*` stands for any text, `?` for one character. A name that is not known within 2 s is compared as the address: a rule that denies names lets such a client in.',
    ),
    ...tlsServerProperties,
    inFlightBytesMax: property(
      'maxInFlightBytes',
      count.default(64 << 20),
      'Most bytes that have been read and not yet answered, over all connections, and the most of one request. At the limit, connections are not read until there is room again.',
    ),
  },
  withoutMeaning: { threads: 'one thread serves all connections; Flume 1.11 reads it and does not use it either.' },
  metrics: rpcSourceMetrics('avro'),
  check: (config) => [...checkTlsServer(config), ...(config.ipFilter ? checkRules(config.ipFilterRules) : [])],
  uses: (config) => portUsed('tcp', config),
  facts: () => ({
    told: 'Avro clients were told OK for them.',
    refused: 'requests are answered with FAILED, and the clients send them again',
  }),
});

function checkRules(rules: readonly string[]): readonly string[] {
  if (rules.length === 0) return ['ipFilter is true, and there are no ipFilterRules: set some, or ipFilter to false'];
  return rules
    .filter((rule) => !RULE.test(rule))
    .map((rule) => `"${rule}" in ipFilterRules is no rule: write it like allow:ip:10.* or deny:name:*.example.org`);
}
