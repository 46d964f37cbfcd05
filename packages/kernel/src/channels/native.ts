import { ChannelPort, type ChannelAddress as NativeAddress, Owner } from '@millrace/channel-native';
import type { ChannelAddress, Connect } from '../channel.ts';

/** Where workers find a channel of the engine. */
export function nativeAddress(data: NativeAddress): ChannelAddress {
  return { module: import.meta.url, data };
}

/** All ports of a worker's life share its doorbell. */
const owners = new Map<number, Owner>();

/** Connects a worker to a channel of the engine. */
export const connect: Connect = (data, owner) => {
  const mine = owners.get(owner) ?? new Owner(owner);
  owners.set(owner, mine);
  return new ChannelPort(data as NativeAddress, mine);
};
