import { defaultByteCapacity, memoryBytes } from '@millrace/channel-native/limits';
import { defineChannel, property } from '../../spec.ts';
import { count, integer, long } from '../../types.ts';
import { bytesText, count as counted } from '../../words.ts';

export const memory = defineChannel({
  type: 'memory',
  classNames: ['org.apache.flume.channel.MemoryChannel'],
  summary: 'Keeps events in memory: the fastest channel. What it holds is lost when the agent ends.',
  stability: 'stable',
  properties: {
    capacity: property(
      'capacity',
      count.default(100),
      'Most events in the channel. Events that a sink has taken and not yet committed count.',
      { whenBad: 'default' },
    ),
    transactionCapacity: property(
      'transactionCapacity',
      count.default(100),
      'Most events in one transaction of a source or a sink.',
      { whenBad: 'default' },
    ),
    keepAliveSeconds: property(
      'keep-alive',
      integer(0).default(3),
      'How long a source waits for room before it is told that the channel is full, in seconds.',
      { whenBad: 'default' },
    ),
    byteCapacity: property(
      'byteCapacity',
      long(0n).optional(),
      'Most bytes of memory that events may use; more than half of the memory is not taken. Unset: 1 KiB for each event of `capacity`, at least 64 MiB, at most a quarter of the memory of the host or its control group. `0`: the same, without a limit on the bodies.',
      { whenBad: 'default' },
    ),
    byteCapacityBufferPercentage: property(
      'byteCapacityBufferPercentage',
      integer(0, 100).default(20),
      'Part of `byteCapacity`, in percent, that bodies leave to headers.',
      { whenBad: 'default' },
    ),
  },
  metrics: {},
  batch: 'transactionCapacity',
  check: ({ capacity, transactionCapacity }) =>
    transactionCapacity > capacity
      ? [
          `transactionCapacity (${transactionCapacity}) is larger than capacity (${capacity}): raise capacity, or lower transactionCapacity`,
        ]
      : [],
  facts({ capacity, byteCapacity }, name) {
    const bytes = bytesText(Math.min(byteCapacity || defaultByteCapacity(capacity), memoryBytes() / 2));
    return {
      durable: false,
      where: 'in memory',
      room: counted(capacity, 'event'),
      worst: `What ${name} holds is lost when the agent ends unexpectedly: up to ${counted(capacity, 'event')}, at most ${bytes}.`,
      ...(byteCapacity === undefined && { unset: `byteCapacity is not set: it may use up to ${bytes} of memory` }),
    };
  },
});
