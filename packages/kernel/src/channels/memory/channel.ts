import { type ChannelAddress, ChannelPort, MemoryChannel, Owner } from '@millrace/channel-native';
import type { Connect, CreateChannel } from '../../channel.ts';
import type { ConfigOf } from '../../spec.ts';
import type { memory } from './spec.ts';

/** Opens the channel in the main thread. */
export const create: CreateChannel = (config) => {
  const { keepAliveSeconds, ...limits } = config as ConfigOf<typeof memory.properties>;
  const channel = new MemoryChannel({ ...limits, keepAliveMs: keepAliveSeconds * 1_000 });
  let lost: number | undefined;
  return {
    address: { module: import.meta.url, data: channel.address },
    counters: () => ({ ...channel.counters() }),
    trim: () => channel.trim(),
    close() {
      try {
        lost ??= eventsIn(channel);
        return lost;
      } finally {
        channel.close();
      }
    },
  };
};

function eventsIn(channel: MemoryChannel): number {
  const { queued, leased } = channel.counters();
  return queued + leased;
}

/** All ports of a worker's life share its doorbell. */
const owners = new Map<number, Owner>();

/** Connects a worker to the channel. */
export const connect: Connect = (data, owner) => {
  const mine = owners.get(owner) ?? new Owner(owner);
  owners.set(owner, mine);
  return new ChannelPort(data as ChannelAddress, mine);
};
