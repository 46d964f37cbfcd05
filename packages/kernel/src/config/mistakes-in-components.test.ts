import { expect, test } from 'vitest';
import { broken } from './specimens.test.fixture.ts';

// One broken configuration for each rule about a component by itself, and what people are told about it.

test('a missing type', () => {
  expect(broken({ r1: '' })).toMatchInlineSnapshot(`
    "flume.conf:4:1: error: a1.sources.r1 has no type. Source r1 is dropped.
        a1.sources.r1.bind = localhost
        ^
      → set a1.sources.r1.type to netcat or seq
    runs a1: c1 k1"
  `);
});

test('a mistyped “type”', () => {
  expect(broken({ r1: 'a1.sources.r1.tpye = netcat' })).toMatchInlineSnapshot(`
    "flume.conf:4:1: error: a1.sources.r1 has no type. Source r1 is dropped.
        a1.sources.r1.tpye = netcat
        ^
      → write "type" for "tpye"
    runs a1: c1 k1"
  `);
});

test('an unknown type', () => {
  expect(broken({ r1: 'a1.sources.r1.type = netcta' })).toMatchInlineSnapshot(`
    "flume.conf:4:22: error: There is no source type "netcta". Source r1 is dropped.
        a1.sources.r1.type = netcta
                             ^
      → did you mean "netcat"?
    runs a1: c1 k1"
  `);
});

test('a type of Flume that is not there yet', () => {
  expect(broken({ r1: 'a1.sources.r1.type = spooldir' })).toMatchInlineSnapshot(`
    "flume.conf:4:22: error: Flume has the source type "spooldir", this Millrace does not have it yet. Source r1 is dropped.
        a1.sources.r1.type = spooldir
                             ^
      → it has netcat, seq
    runs a1: c1 k1"
  `);
});

test('a class of Flume that is not there yet', () => {
  expect(broken({ r1: 'a1.sources.r1.type = org.apache.flume.source.kafka.kafkasource' })).toMatchInlineSnapshot(`
    "flume.conf:4:22: error: Flume has the source type "org.apache.flume.source.kafka.kafkasource", this Millrace does not have it yet. Source r1 is dropped.
        a1.sources.r1.type = org.apache.flume.source.kafka.kafkasource
                             ^
      → it has netcat, seq
    runs a1: c1 k1"
  `);
});

test('a class of somebody’s own', () => {
  expect(broken({ r1: 'a1.sources.r1.type = com.example.MySource' })).toMatchInlineSnapshot(`
    "flume.conf:4:22: error: "com.example.MySource" is a Java class, which cannot run here. Source r1 is dropped.
        a1.sources.r1.type = com.example.MySource
                             ^
      → use netcat or seq, or write the component for Millrace
    runs a1: c1 k1"
  `);
});

test('a type Flume has removed', () => {
  expect(broken({ k1: 'a1.sinks.k1.type = elasticsearch' })).toMatchInlineSnapshot(`
    "flume.conf:9:20: error: Flume has removed the sink type "elasticsearch". Sink k1 is dropped.
        a1.sinks.k1.type = elasticsearch
                           ^
      → use null, or write the sink for Millrace
    runs a1: r1 c1"
  `);
});

test('a missing property', () => {
  expect(broken({ port: '' })).toMatchInlineSnapshot(`
    "flume.conf:4:1: error: a1.sources.r1 has no port. Source r1 is dropped.
        a1.sources.r1.type = netcat
        ^
      → set a1.sources.r1.port: TCP port to listen on.
    runs a1: c1 k1"
  `);
});

test('a bad number', () => {
  expect(broken({ port: 'a1.sources.r1.port = 70000' })).toMatchInlineSnapshot(`
    "flume.conf:6:22: error: port of a1.sources.r1 must be a port from 0 to 65535, not "70000". Source r1 is dropped.
        a1.sources.r1.port = 70000
                             ^
      → correct it: TCP port to listen on.
    runs a1: c1 k1"
  `);
});

test('a number with a comment behind it', () => {
  expect(broken({ port: 'a1.sources.r1.port = 44444 # as in the guide' })).toMatchInlineSnapshot(`
    "flume.conf:6:22: error: port of a1.sources.r1 must be a port from 0 to 65535, not "44444 # as in the guide". Source r1 is dropped.
        a1.sources.r1.port = 44444 # as in the guide
                             ^
      → a comment needs a line of its own; behind a value it is a part of the value
    runs a1: c1 k1"
  `);
});

test('a number in quotes', () => {
  expect(broken({ port: 'a1.sources.r1.port = "44444"' })).toMatchInlineSnapshot(`
    "flume.conf:6:22: error: port of a1.sources.r1 must be a port from 0 to 65535, not ""44444"". Source r1 is dropped.
        a1.sources.r1.port = "44444"
                             ^
      → write it without quotes: 44444
    runs a1: c1 k1"
  `);
});

test('a number with a unit', () => {
  expect(broken({}, 'a1.sources.r1.max-line-length = 4k')).toMatchInlineSnapshot(`
    "flume.conf:11:33: error: max-line-length of a1.sources.r1 must be a whole number of at least 1, not "4k". Source r1 is dropped.
        a1.sources.r1.max-line-length = 4k
                                        ^
      → write the digits alone: there are no units in these files
    runs a1: c1 k1"
  `);
});

test('a number with groups, and one in hexadecimal', () => {
  expect(
    broken({}, 'a1.sources.r1.max-line-length = 4_096', 'a1.channels.c1.keep-alive = 0x10'),
  ).toMatchInlineSnapshot(`
    "flume.conf:7:26: error: Channel c1 is dropped. Source r1 is dropped.
        a1.sources.r1.channels = c1
                                 ^
      → mend channel c1: what is wrong with it is told from line 8 on
    flume.conf:10:23: error: Channel c1 is dropped. Sink k1 is dropped.
        a1.sinks.k1.channel = c1
                              ^
      → mend channel c1: what is wrong with it is told from line 8 on
    flume.conf:11:33: error: max-line-length of a1.sources.r1 must be a whole number of at least 1, not "4_096". Source r1 is dropped.
        a1.sources.r1.max-line-length = 4_096
                                        ^
      → write the digits alone: 4096
    flume.conf:12:29: error: keep-alive of a1.channels.c1 must be a number of seconds of at least 0, not "0x10". Channel c1 is dropped.
        a1.channels.c1.keep-alive = 0x10
                                    ^
      → write it in decimal: 16
    runs nothing"
  `);
});

test('a number from a variable that is not set', () => {
  expect(broken({ port: 'a1.sources.r1.port = ${env:NETCAT_PORT}' })).toMatchInlineSnapshot(`
    "flume.conf:6:22: warning: \${env:NETCAT_PORT} has no value, so it is left as it is written.
        a1.sources.r1.port = \${env:NETCAT_PORT}
                             ^
      → set the environment variable NETCAT_PORT, or give a default: \${env:NETCAT_PORT:-value}
    flume.conf:6:22: error: port of a1.sources.r1 must be a port from 0 to 65535, not "\${env:NETCAT_PORT}". Source r1 is dropped.
        a1.sources.r1.port = \${env:NETCAT_PORT}
                             ^
      → give the variable in it a value; see the warning about it
    runs a1: c1 k1"
  `);
});

test('a bad value that has a default to fall back to', () => {
  expect(broken({}, 'a1.channels.c1.capacity = lots')).toMatchInlineSnapshot(`
    "flume.conf:11:27: warning: capacity of a1.channels.c1 must be a whole number of at least 1, not "lots". It counts as 100, as in Flume.
        a1.channels.c1.capacity = lots
                                  ^
      → correct it, or remove the line for the default, 100
    runs a1: r1 c1 k1"
  `);
});

test('a bad value that has nothing to fall back to but being absent', () => {
  expect(broken({}, 'a1.channels.c1.byteCapacity = -1')).toMatchInlineSnapshot(`
    "flume.conf:11:31: warning: byteCapacity of a1.channels.c1 must be a whole number of at least 0, not "-1". It counts as not set, as in Flume.
        a1.channels.c1.byteCapacity = -1
                                      ^
      → correct it, or remove the line
    runs a1: r1 c1 k1"
  `);
});

test('a boolean that is neither', () => {
  expect(broken({}, 'a1.sources.r1.ack-every-event = yes')).toMatchInlineSnapshot(`
    "flume.conf:11:33: warning: ack-every-event is "yes", which counts as false, as in Flume: only "true" is true.
        a1.sources.r1.ack-every-event = yes
                                        ^
      → write true or false
    runs a1: r1 c1 k1"
  `);
});

test('a property that does not exist', () => {
  expect(broken({}, 'a1.sources.r1.max-line-lenght = 4096')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: The netcat source has no property "max-line-lenght", so the line is ignored.
        a1.sources.r1.max-line-lenght = 4096
        ^
      → did you mean "max-line-length"?
    runs a1: r1 c1 k1"
  `);
});

test('a property that resembles none', () => {
  expect(broken({}, 'a1.sinks.k1.colour = red')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: The null sink has no property "colour", so the line is ignored.
        a1.sinks.k1.colour = red
        ^
      → it has batchSize, label, password, type, channel
    runs a1: r1 c1 k1"
  `);
});

test('several mistakes at once', () => {
  expect(
    broken({ bind: 'a1.sources.r1.bnid = localhost', port: 'a1.sources.r1.port = x', k1: 'a1.sinks.k1.type = nul' }),
  ).toMatchInlineSnapshot(`
    "flume.conf:4:1: error: a1.sources.r1 has no bind. Source r1 is dropped.
        a1.sources.r1.type = netcat
        ^
      → set a1.sources.r1.bind: Address to listen on.
    flume.conf:5:1: warning: The netcat source has no property "bnid", so the line is ignored.
        a1.sources.r1.bnid = localhost
        ^
      → did you mean "bind"?
    flume.conf:6:22: error: port of a1.sources.r1 must be a port from 0 to 65535, not "x". Source r1 is dropped.
        a1.sources.r1.port = x
                             ^
      → correct it: TCP port to listen on.
    flume.conf:9:20: error: There is no sink type "nul". Sink k1 is dropped.
        a1.sinks.k1.type = nul
                           ^
      → did you mean "null"?
    runs nothing"
  `);
});

test('a rule over two properties', () => {
  expect(broken({}, 'a1.channels.c1.transactionCapacity = 1000')).toMatchInlineSnapshot(`
    "flume.conf:7:26: error: Channel c1 is dropped. Source r1 is dropped.
        a1.sources.r1.channels = c1
                                 ^
      → mend channel c1: what is wrong with it is told from line 8 on
    flume.conf:10:23: error: Channel c1 is dropped. Sink k1 is dropped.
        a1.sinks.k1.channel = c1
                              ^
      → mend channel c1: what is wrong with it is told from line 8 on
    flume.conf:11:38: error: a1.channels.c1: transactionCapacity (1000) is more than capacity (100). Channel c1 is dropped.
        a1.channels.c1.transactionCapacity = 1000
                                             ^
      → raise capacity
    runs nothing"
  `);
});

test('a config filter', () => {
  expect(
    broken({}, 'a1.configfilters = f1', 'a1.configfilters.f1.type = env', "a1.sinks.k1.label = x ${f1['key']}"),
  ).toMatchInlineSnapshot(`
    "flume.conf:12:1: error: Flume has config filters, this Millrace does not have them yet. Config filter f1 is dropped.
        a1.configfilters.f1.type = env
        ^
      → use \${env:NAME} or \${sys:name} for what it looks up
    flume.conf:13:23: error: \${f1['key']} needs config filter f1, and there are no config filters yet. Sink k1 is dropped.
        a1.sinks.k1.label = x \${f1['key']}
                              ^
      → use \${env:NAME} or \${sys:name}
    runs a1: r1 c1"
  `);
});

test('a config filter that is not listed', () => {
  expect(broken({}, "a1.sinks.k1.label = ${f1['key']}")).toMatchInlineSnapshot(`
    "flume.conf:11:21: warning: a1 has no config filter f1, so \${f1['key']} is left as it is written.
        a1.sinks.k1.label = \${f1['key']}
                            ^
      → use \${env:NAME} or \${sys:name}
    runs a1: r1 c1 k1"
  `);
});

test('a class that checks the configuration', () => {
  expect(broken({}, 'a1.sinks.k1.config = com.example.Checks')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: a1.sinks.k1.config names a Java class that checks the configuration for Flume; it is ignored.
        a1.sinks.k1.config = com.example.Checks
        ^
      → remove the line
    runs a1: r1 c1 k1"
  `);
});
