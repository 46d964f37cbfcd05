import { defineSelector, property } from '../../spec.ts';
import { names } from '../../types.ts';

export const replicating = defineSelector({
  type: 'replicating',
  classNames: ['org.apache.flume.channel.ReplicatingChannelSelector'],
  summary: 'Puts every event into all channels of the source.',
  stability: 'stable',
  properties: {
    optional: property(
      'optional',
      names.default([]),
      'Channels of the source that may fail; the others must hold an event before it counts as accepted.',
    ),
  },
  metrics: {},
});
