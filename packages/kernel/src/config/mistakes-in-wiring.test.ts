import { expect, test } from 'vitest';
import { broken } from './specimens.test.fixture.ts';

// One broken configuration for each rule about what belongs together, and what people are told about it.

test('a source whose one channel is dropped', () => {
  expect(broken({ c1: 'a1.channels.c1.type = memroy' })).toMatchInlineSnapshot(`
    "flume.conf:7:26: error: Channel c1 is dropped. Source r1 is dropped.
        a1.sources.r1.channels = c1
                                 ^
      → mend channel c1: what is wrong with it is told from line 8 on
    flume.conf:8:23: error: There is no channel type "memroy". Channel c1 is dropped.
        a1.channels.c1.type = memroy
                              ^
      → did you mean "memory"?
    flume.conf:10:23: error: Channel c1 is dropped. Sink k1 is dropped.
        a1.sinks.k1.channel = c1
                              ^
      → mend channel c1: what is wrong with it is told from line 8 on
    runs nothing"
  `);
});

test('a source that loses one of its channels', () => {
  expect(
    broken(
      { channels: 'a1.channels = c1 c2', puts: 'a1.sources.r1.channels = c2 c1' },
      'a1.channels.c2.type = memory',
      'a1.channels.c2.keep-alive = -1',
    ),
  ).toMatchInlineSnapshot(`
    "flume.conf:7:26: error: Channel c2 is dropped. The source does without it.
        a1.sources.r1.channels = c2 c1
                                 ^
      → mend channel c2: what is wrong with it is told from line 11 on
    flume.conf:12:29: error: keep-alive of a1.channels.c2 must be a number of seconds of at least 0, not "-1". Channel c2 is dropped.
        a1.channels.c2.keep-alive = -1
                                    ^
      → correct it, or remove the line for the default, 3
    runs a1: r1 c1 k1"
  `);
});

test('a source with a channel that does not exist', () => {
  expect(broken({ puts: 'a1.sources.r1.channels = c1  channel2' })).toMatchInlineSnapshot(`
    "flume.conf:7:30: error: There is no channel channel2. The source does without it.
        a1.sources.r1.channels = c1  channel2
                                     ^
      → define channel channel2, and list it
    runs a1: r1 c1 k1"
  `);
});

test('a channel that is defined, but not listed', () => {
  expect(broken({ puts: 'a1.sources.r1.channels = c1 c2' }, 'a1.channels.c2.type = memory')).toMatchInlineSnapshot(`
    "flume.conf:7:29: error: There is no channel c2. The source does without it.
        a1.sources.r1.channels = c1 c2
                                    ^
      → add c2 to the agent’s list of channels
    flume.conf:11:1: warning: Channel c2 is defined, but a1.channels does not list it, so it does not run.
        a1.channels.c2.type = memory
        ^
      → write a1.channels = c1 c2
    runs a1: r1 c1 k1"
  `);
});

test('a source without channels', () => {
  expect(broken({ puts: '' })).toMatchInlineSnapshot(`
    "flume.conf:4:1: error: a1.sources.r1 has no channels. Source r1 is dropped.
        a1.sources.r1.type = netcat
        ^
      → set a1.sources.r1.channels to the channels it puts events into
    runs a1: c1 k1"
  `);
});

test('a source with “channel”', () => {
  expect(broken({ puts: 'a1.sources.r1.channel = c1' })).toMatchInlineSnapshot(`
    "flume.conf:7:1: error: a1.sources.r1 has no channels. Source r1 is dropped.
        a1.sources.r1.channel = c1
        ^
      → a source has "channels", with an s: a1.sources.r1.channels = c1
    runs a1: c1 k1"
  `);
});

test('a sink without a channel', () => {
  expect(broken({ takes: '' })).toMatchInlineSnapshot(`
    "flume.conf:9:1: error: a1.sinks.k1 has no channel. Sink k1 is dropped.
        a1.sinks.k1.type = null
        ^
      → set a1.sinks.k1.channel to the channel it takes events from
    runs a1: r1 c1"
  `);
});

test('a sink with “channels”', () => {
  expect(broken({ takes: 'a1.sinks.k1.channels = c1' })).toMatchInlineSnapshot(`
    "flume.conf:10:1: error: a1.sinks.k1 has no channel. Sink k1 is dropped.
        a1.sinks.k1.channels = c1
        ^
      → a sink has one "channel", without an s: a1.sinks.k1.channel = c1
    runs a1: r1 c1"
  `);
});

test('a sink with two channels', () => {
  expect(broken({ takes: 'a1.sinks.k1.channel = c1 c2' })).toMatchInlineSnapshot(`
    "flume.conf:10:23: error: "c1 c2" is more than one channel, and a sink takes from one. Sink k1 is dropped.
        a1.sinks.k1.channel = c1 c2
                              ^
      → define one sink for each channel
    runs a1: r1 c1"
  `);
});

test('a sink with a channel that does not exist', () => {
  expect(broken({ takes: 'a1.sinks.k1.channel = C1' })).toMatchInlineSnapshot(`
    "flume.conf:10:23: error: There is no channel C1. Sink k1 is dropped.
        a1.sinks.k1.channel = C1
                              ^
      → did you mean "c1"?
    runs a1: r1 c1"
  `);
});

test('a batch larger than a transaction of the channel', () => {
  expect(broken({}, 'a1.sinks.k1.batchSize = 1000')).toMatchInlineSnapshot(`
    "flume.conf:11:25: error: batchSize of a1.sinks.k1 (1000) is more than transactionCapacity of channel c1 (100). Sink k1 is dropped.
        a1.sinks.k1.batchSize = 1000
                                ^
      → set batchSize to at most 100, or a1.channels.c1.transactionCapacity to at least 1000
    runs a1: r1 c1"
  `);
});

test('a transaction smaller than the default batch', () => {
  expect(
    broken({ c1: 'a1.channels.c1.type = memory\na1.channels.c1.transactionCapacity = 10' }),
  ).toMatchInlineSnapshot(`
    "flume.conf:10:20: error: batchSize of a1.sinks.k1 (100) is more than transactionCapacity of channel c1 (10). Sink k1 is dropped.
        a1.sinks.k1.type = null
                           ^
      → set batchSize to at most 10, or a1.channels.c1.transactionCapacity to at least 100
    runs a1: r1 c1"
  `);
});

test('a channel connected to nothing', () => {
  expect(broken({ channels: 'a1.channels = c1 c2' }, 'a1.channels.c2.type = memory')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: No source puts into channel c2 and no sink takes from it, so it is not started.
        a1.channels.c2.type = memory
        ^
      → name c2 in the channels of a source and as the channel of a sink
    runs a1: r1 c1 k1"
  `);
});

test('an optional channel that is none of the source', () => {
  expect(broken({}, 'a1.sources.r1.selector.optional = c1 c2')).toMatchInlineSnapshot(`
    "flume.conf:11:38: error: c2 is no channel of a1.sources.r1, so it cannot be optional. Source r1 is dropped.
        a1.sources.r1.selector.optional = c1 c2
                                             ^
      → add c2 to a1.sources.r1.channels, or take it off this list
    runs a1: c1 k1"
  `);
});

test('a selector that is not there yet', () => {
  expect(
    broken({}, 'a1.sources.r1.selector.type = multiplexing', 'a1.sources.r1.selector.mapping.x = c1'),
  ).toMatchInlineSnapshot(`
    "flume.conf:11:31: error: Flume has the selector type "multiplexing", this Millrace does not have it yet. Source r1 is dropped.
        a1.sources.r1.selector.type = multiplexing
                                      ^
      → it has replicating, the default
    runs a1: c1 k1"
  `);
});

test('a selector that does not exist', () => {
  expect(broken({}, 'a1.sources.r1.selector.type = replicate')).toMatchInlineSnapshot(`
    "flume.conf:11:31: error: There is no selector type "replicate". Source r1 is dropped.
        a1.sources.r1.selector.type = replicate
                                      ^
      → did you mean "replicating"?
    runs a1: c1 k1"
  `);
});

test('a property the selector does not have', () => {
  expect(broken({}, 'a1.sources.r1.selector.optinal = c1')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: The replicating selector has no property "optinal", so the line is ignored.
        a1.sources.r1.selector.optinal = c1
        ^
      → did you mean "optional"?
    runs a1: r1 c1 k1"
  `);
});

test('a sink group', () => {
  expect(
    broken(
      { sinks: 'a1.sinks = k1 k2' },
      'a1.sinks.k2.type = null',
      'a1.sinks.k2.channel = c1',
      'a1.sinkgroups = g1',
      'a1.sinkgroups.g1.sinks = k1 k2',
      'a1.sinkgroups.g1.processor.type = failover',
    ),
  ).toMatchInlineSnapshot(`
    "flume.conf:14:1: error: Flume has sink groups, this Millrace does not have them yet. Sink group g1 is dropped, and its sinks k1, k2 with it.
        a1.sinkgroups.g1.sinks = k1 k2
        ^
      → take g1 off a1.sinkgroups to run each of its sinks for itself
    runs a1: r1 c1"
  `);
});

test('a sink group without sinks', () => {
  expect(broken({}, 'a1.sinkgroups = g1', 'a1.sinkgroups.g1.processor.type = failover')).toMatchInlineSnapshot(`
    "flume.conf:12:1: error: Sink group g1 has no sinks, and there are no sink groups yet. It is dropped.
        a1.sinkgroups.g1.processor.type = failover
        ^
      → take g1 off a1.sinkgroups to run each of its sinks for itself
    runs a1: r1 c1 k1"
  `);
});
