import { SyslogReader } from '@millrace/channel-native';
import type { RunningSource, SourceContext } from '@millrace/kernel/component';
import { plainAddress } from '@millrace/rpc/net';
import { type Origins, openDatagrams } from '../shared/datagrams/source.ts';
import type { netcatudp } from './spec.ts';

export async function open(context: SourceContext<typeof netcatudp>): Promise<RunningSource> {
  const { config, builder } = context;
  const reader = new SyslogReader(builder, { parser: 'plain' });
  const header = config.remoteAddressHeader;
  return openDatagrams({ context, reader, origins: header === undefined ? undefined : originsIn(header) });
}

function originsIn(header: string): Origins {
  return {
    key: ({ address, port }) => `${address} ${port}`,
    async headers({ address, port }) {
      const plain = plainAddress(address);
      // As Java writes it.
      return { [header]: plain.includes(':') ? `/[${plain}]:${port}` : `/${plain}:${port}` };
    },
  };
}
