import { MemoryChannel } from '@millrace/channel-native';
import type { CreateChannel } from '../../channel.ts';
import type { ConfigOf } from '../../spec.ts';
import { nativeAddress } from '../native.ts';
import type { memory } from './spec.ts';

/** Opens the channel in the main thread. */
export const create: CreateChannel = (config) => {
  const { keepAliveSeconds, ...limits } = config as ConfigOf<typeof memory.properties>;
  const channel = new MemoryChannel({ ...limits, keepAliveMs: keepAliveSeconds * 1_000 });
  let lost: number | undefined;
  return {
    address: nativeAddress(channel.address),
    counters() {
      const counters = channel.counters();
      return { ...counters, size: counters.queued, capacity: limits.capacity };
    },
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
