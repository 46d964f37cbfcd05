import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { plainAddress } from '@millrace/rpc/net';
import { type Origins, openDatagrams } from '../shared/datagrams/source.ts';
import { PeerNames } from '../shared/peers.ts';
import { classicReader } from '../shared/syslog/format.ts';
import type { syslogudp } from './spec.ts';

type Context = SourceContext<typeof syslogudp>;

export async function open(context: Context): Promise<RunningSource> {
  const { config, builder } = context;
  const reader = classicReader(builder, { keep: config.keep }, config);
  return openDatagrams({ context, reader, origins: originsOf(config) });
}

function originsOf({ clientIpHeader, clientHostnameHeader }: Context['config']): Origins | undefined {
  if (clientIpHeader === undefined && clientHostnameHeader === undefined) return undefined;
  const names = new PeerNames();
  return {
    key: ({ address }) => address,
    async headers(from) {
      const address = plainAddress(from.address);
      return {
        ...(clientIpHeader === undefined ? {} : { [clientIpHeader]: address }),
        ...(clientHostnameHeader === undefined ? {} : { [clientHostnameHeader]: await names.of(address) }),
      };
    },
  };
}
