import { expect, test } from 'vitest';
import { renderDiagnostics } from './render.ts';
import { planText } from './specimens.test.fixture.ts';

// One broken configuration for each rule, and what people are told about it.

/** A configuration in which everything is right; each test spoils it by replacing lines, or adding some. */
const sound = {
  sources: 'a1.sources = r1',
  channels: 'a1.channels = c1',
  sinks: 'a1.sinks = k1',
  r1: 'a1.sources.r1.type = netcat',
  bind: 'a1.sources.r1.bind = localhost',
  port: 'a1.sources.r1.port = 44444',
  puts: 'a1.sources.r1.channels = c1',
  c1: 'a1.channels.c1.type = memory',
  k1: 'a1.sinks.k1.type = null',
  takes: 'a1.sinks.k1.channel = c1',
};

function broken(changes: Partial<typeof sound>, ...more: string[]): string {
  const lines = [...Object.values({ ...sound, ...changes }), ...more];
  const { diagnostics, texts, plans } = planText(lines.filter((line) => line !== '').join('\n'));
  const running = [...plans.values()].map(
    ({ agent, channels, sources, sinks }) =>
      `${agent}: ${[...sources, ...channels, ...sinks].map(({ name }) => name).join(' ')}`,
  );
  return `${renderDiagnostics(diagnostics, texts)}\nruns ${running.join(', ') || 'nothing'}`;
}

test('nothing is said about a sound configuration', () => {
  expect(broken({})).toMatchInlineSnapshot(`
    "
    runs a1: r1 c1 k1"
  `);
});

test('a malformed escape', () => {
  expect(broken({ bind: 'a1.sources.r1.bind = \\u12' })).toMatchInlineSnapshot(`
    "flume.conf:5:22: error: "\\u12" is not a \\uXXXX escape with four hexadecimal digits, so this file cannot be loaded.
        a1.sources.r1.bind = \\u12
                             ^
      → for a backslash itself, as in a Windows path or a regular expression, write it twice
    runs nothing"
  `);
});

test('a byte order mark', () => {
  expect(broken({ sources: '\u00ef\u00bb\u00bfa1.sources = r1' })).toMatchInlineSnapshot(`
    "flume.conf:1:1: warning: flume.conf begins with a byte order mark. It is skipped here; Flume takes it for a part of the first key.
      → save the file without one
    runs a1: r1 c1 k1"
  `);
});

test('a value in UTF-8', () => {
  expect(broken({}, 'a1.sinks.k1.label = gr\u00c3\u00b6\u00c3\u009fer')).toMatchInlineSnapshot(`
    "flume.conf:11:21: warning: The value is UTF-8 text, but these files are read as ISO-8859-1, as Flume does: it becomes "grÃ¶Ã·er".
        a1.sinks.k1.label = größer
                            ^
      → write gr\\u00f6\\u00dfer
    runs a1: r1 c1 k1"
  `);
});

test('a key that is set twice', () => {
  expect(broken({}, 'a1.sources.r1.port = 5')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: a1.sources.r1.port was set before, on line 6; this value replaces that one.
        a1.sources.r1.port = 5
        ^
      → remove one of the two lines
    runs a1: r1 c1 k1"
  `);
});

test('a line that is no key', () => {
  expect(broken({}, 'sources = r1')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: "sources" is not a key of an agent, so the line is ignored.
        sources = r1
        ^
      → write <agent>.sources = …, or <agent>.sources.<name>.<property> = …
    runs a1: r1 c1 k1"
  `);
});

test('a line without a value', () => {
  expect(broken({ sinks: 'a1.sinks =' })).toMatchInlineSnapshot(`
    "flume.conf:3:11: warning: a1.sinks has no value, so the line is ignored.
        a1.sinks =
                  ^
      → give it a value, or remove the line
    flume.conf:9:1: warning: Sink k1 is defined, but a1.sinks does not list it, so it does not run.
        a1.sinks.k1.type = null
        ^
      → write a1.sinks = k1
    runs a1: r1 c1"
  `);
});

test('an agent without channels', () => {
  expect(broken({ channels: '' })).toMatchInlineSnapshot(`
    "flume.conf:1:1: error: Agent a1 lists no channels, so nothing of it runs.
        a1.sources = r1
        ^
      → add a1.channels = c1
    runs nothing"
  `);
});

test('an agent without sources and sinks', () => {
  expect(
    broken({ sources: '', sinks: '', r1: '', bind: '', port: '', puts: '', k1: '', takes: '' }),
  ).toMatchInlineSnapshot(`
    "flume.conf:1:1: error: Agent a1 has neither a source nor a sink that can run, so nothing of it runs.
        a1.channels = c1
        ^
      → it needs at least one channel, and a source or a sink that uses it
    runs nothing"
  `);
});

test('a kind that does not exist', () => {
  expect(broken({ r1: 'a1.source.r1.type = netcat' })).toMatchInlineSnapshot(`
    "flume.conf:4:1: warning: "source" is no kind of component, so the line is ignored.
        a1.source.r1.type = netcat
        ^
      → did you mean a1.sources.r1.type?
    flume.conf:5:1: error: a1.sources.r1 has no type. Source r1 is dropped.
        a1.sources.r1.bind = localhost
        ^
      → set a1.sources.r1.type to netcat or seq
    runs a1: c1 k1"
  `);
});

test('a component without a property', () => {
  expect(broken({}, 'a1.sources.r1 = netcat')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: "a1.sources.r1" names no property, so the line is ignored.
        a1.sources.r1 = netcat
        ^
      → write a1.sources.r1.<property> = …
    runs a1: r1 c1 k1"
  `);
});

test('a phantom agent', () => {
  expect(broken({}, 'log4j.rootLogger = INFO', 'log4j.appender.x = y')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: "log4j" would be an agent that has nothing, so the 2 lines of "log4j" are ignored.
        log4j.rootLogger = INFO
        ^
      → keys of other programs do not belong in this file; remove them, or make them comments
    runs a1: r1 c1 k1"
  `);
});

test('a phantom agent with a name like that of another', () => {
  expect(broken({ port: 'a11.port = 44444' })).toMatchInlineSnapshot(`
    "flume.conf:4:1: error: a1.sources.r1 has no port. Source r1 is dropped.
        a1.sources.r1.type = netcat
        ^
      → set a1.sources.r1.port: TCP port to listen on.
    flume.conf:6:1: warning: "a11" would be an agent that has nothing, so the line is ignored.
        a11.port = 44444
        ^
      → did you mean "a1"?
    runs a1: c1 k1"
  `);
});

test('a listed component that is not defined', () => {
  expect(broken({ sources: 'a1.sources = r1 r2' })).toMatchInlineSnapshot(`
    "flume.conf:1:17: error: Source r2 is listed, but has no properties. It is dropped.
        a1.sources = r1 r2
                        ^
      → set a1.sources.r2.type, or take it off the list
    runs a1: r1 c1 k1"
  `);
});

test('a listed component with its name mistyped', () => {
  expect(broken({ sources: 'a1.sources = source1' }, 'a1.sources.sorce1.type = netcat')).toMatchInlineSnapshot(`
    "flume.conf:1:14: error: Source source1 is listed, but has no properties. It is dropped.
        a1.sources = source1
                     ^
      → did you mean "sorce1"?
    flume.conf:4:1: warning: Source r1 is defined, but a1.sources does not list it, so it does not run.
        a1.sources.r1.type = netcat
        ^
      → write a1.sources = source1 r1
    flume.conf:11:1: warning: Source sorce1 is defined, but a1.sources does not list it, so it does not run.
        a1.sources.sorce1.type = netcat
        ^
      → write a1.sources = source1 sorce1
    runs a1: c1 k1"
  `);
});

test('a listed channel that is not defined', () => {
  expect(broken({ channels: 'a1.channels = c1 c2', puts: 'a1.sources.r1.channels = c1 c2' })).toMatchInlineSnapshot(`
    "flume.conf:2:18: error: Channel c2 is listed, but has no properties. It is dropped.
        a1.channels = c1 c2
                         ^
      → set a1.channels.c2.type, or take it off the list
    flume.conf:7:29: error: Channel c2 is dropped. The source does without it.
        a1.sources.r1.channels = c1 c2
                                    ^
      → mend the channel; its own mistakes are told where it is defined
    runs a1: r1 c1 k1"
  `);
});

test('a component that is not listed', () => {
  expect(broken({}, 'a1.sinks.k2.type = null')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: Sink k2 is defined, but a1.sinks does not list it, so it does not run.
        a1.sinks.k2.type = null
        ^
      → write a1.sinks = k1 k2
    runs a1: r1 c1 k1"
  `);
});

test('names separated by commas', () => {
  expect(broken({ puts: 'a1.sources.r1.channels = c1,c2' })).toMatchInlineSnapshot(`
    "flume.conf:7:26: error: There is no channel c1,c2. Source r1 is dropped.
        a1.sources.r1.channels = c1,c2
                                 ^
      → separate names by blanks, not by commas
    runs a1: c1 k1"
  `);
});

test('components without a list', () => {
  expect(broken({ sinks: '' })).toMatchInlineSnapshot(`
    "flume.conf:8:1: warning: Sink k1 is defined, but a1.sinks does not list it, so it does not run.
        a1.sinks.k1.type = null
        ^
      → write a1.sinks = k1
    runs a1: r1 c1"
  `);
});

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
      → choose one of the types netcat, seq, or write the component for Millrace
    runs a1: c1 k1"
  `);
});

test('a type Flume has removed', () => {
  expect(broken({ k1: 'a1.sinks.k1.type = elasticsearch' })).toMatchInlineSnapshot(`
    "flume.conf:9:20: error: Flume has removed the sink type "elasticsearch". Sink k1 is dropped.
        a1.sinks.k1.type = elasticsearch
                           ^
      → use a sink of type http, or one of your own
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
    "flume.conf:1:1: error: Agent a1 has neither a source nor a sink that can run, so nothing of it runs.
        a1.sources = r1
        ^
      → it needs at least one channel, and a source or a sink that uses it
    flume.conf:7:26: error: Channel c1 is dropped. Source r1 is dropped.
        a1.sources.r1.channels = c1
                                 ^
      → mend the channel; its own mistakes are told where it is defined
    flume.conf:10:23: error: Channel c1 is dropped. Sink k1 is dropped.
        a1.sinks.k1.channel = c1
                              ^
      → mend the channel; its own mistakes are told where it is defined
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
      → see the warning about the variable in it, which has no value
    runs a1: c1 k1"
  `);
});

test('a bad value that has a default to fall back to', () => {
  expect(broken({}, 'a1.channels.c1.capacity = lots')).toMatchInlineSnapshot(`
    "flume.conf:11:27: warning: capacity of a1.channels.c1 must be a whole number of at least 1, not "lots". It counts as 100, as in Flume.
        a1.channels.c1.capacity = lots
                                  ^
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
    "flume.conf:1:1: error: Agent a1 has neither a source nor a sink that can run, so nothing of it runs.
        a1.sources = r1
        ^
      → it needs at least one channel, and a source or a sink that uses it
    flume.conf:4:1: error: a1.sources.r1 has no bind. Source r1 is dropped.
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
    flume.conf:9:20: error: There is no sink type "nul". Sink k1 is dropped.
        a1.sinks.k1.type = nul
                           ^
      → did you mean "null"?
    runs nothing"
  `);
});

test('a rule over two properties', () => {
  expect(broken({}, 'a1.channels.c1.transactionCapacity = 1000')).toMatchInlineSnapshot(`
    "flume.conf:1:1: error: Agent a1 has neither a source nor a sink that can run, so nothing of it runs.
        a1.sources = r1
        ^
      → it needs at least one channel, and a source or a sink that uses it
    flume.conf:7:26: error: Channel c1 is dropped. Source r1 is dropped.
        a1.sources.r1.channels = c1
                                 ^
      → mend the channel; its own mistakes are told where it is defined
    flume.conf:10:23: error: Channel c1 is dropped. Sink k1 is dropped.
        a1.sinks.k1.channel = c1
                              ^
      → mend the channel; its own mistakes are told where it is defined
    flume.conf:11:38: error: a1.channels.c1: transactionCapacity (1000) is more than capacity (100). Channel c1 is dropped.
        a1.channels.c1.transactionCapacity = 1000
                                             ^
    runs nothing"
  `);
});

test('a source whose one channel is dropped', () => {
  expect(broken({ c1: 'a1.channels.c1.type = memroy' })).toMatchInlineSnapshot(`
    "flume.conf:1:1: error: Agent a1 has neither a source nor a sink that can run, so nothing of it runs.
        a1.sources = r1
        ^
      → it needs at least one channel, and a source or a sink that uses it
    flume.conf:7:26: error: Channel c1 is dropped. Source r1 is dropped.
        a1.sources.r1.channels = c1
                                 ^
      → mend the channel; its own mistakes are told where it is defined
    flume.conf:8:23: error: There is no channel type "memroy". Channel c1 is dropped.
        a1.channels.c1.type = memroy
                              ^
      → did you mean "memory"?
    flume.conf:10:23: error: Channel c1 is dropped. Sink k1 is dropped.
        a1.sinks.k1.channel = c1
                              ^
      → mend the channel; its own mistakes are told where it is defined
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
      → mend the channel; its own mistakes are told where it is defined
    flume.conf:12:29: error: keep-alive of a1.channels.c2 must be a number of seconds of at least 0, not "-1". Channel c2 is dropped.
        a1.channels.c2.keep-alive = -1
                                    ^
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

test('interceptors', () => {
  expect(
    broken({}, 'a1.sources.r1.interceptors = i1', 'a1.sources.r1.interceptors.i1.type = host'),
  ).toMatchInlineSnapshot(`
    "flume.conf:11:1: error: Flume has interceptors, this Millrace does not have them yet. Source r1 is dropped.
        a1.sources.r1.interceptors = i1
        ^
      → remove the line to let its events pass unchanged
    runs a1: c1 k1"
  `);
});

test('interceptors that are not listed', () => {
  expect(broken({}, 'a1.sources.r1.interceptors.i1.type = host')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: a1.sources.r1.interceptors does not exist, so no interceptor runs.
        a1.sources.r1.interceptors.i1.type = host
        ^
      → remove the lines of a1.sources.r1.interceptors
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

test('properties that need each other', () => {
  expect(
    broken({}, 'a1.sinks.k1.label = ${a1.sinks.k1.password}', 'a1.sinks.k1.password = ${a1.sinks.k1.label}'),
  ).toMatchInlineSnapshot(`
    "flume.conf:11:21: error: The values of a1.sinks.k1.label, a1.sinks.k1.password need each other in a circle, so they are left as they are written.
        a1.sinks.k1.label = \${a1.sinks.k1.password}
                            ^
      → give one of them a value of its own; to mean the characters themselves, write $\${…}
    runs a1: r1 c1 k1"
  `);
});

test('a mistake near a secret, which is not shown', () => {
  expect(broken({}, 'a1.sinks.k1.pasword = hunter2')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: The null sink has no property "pasword", so the line is ignored.
        a1.sinks.k1.pasword = ******
        ^
      → did you mean "password"?
    runs a1: r1 c1 k1"
  `);
});

test('a mistake on a line of a secret, in a value that goes on over two', () => {
  expect(broken({}, 'a1.sinks.k1.label.password = \\', '  hunter2 ${x}')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: The null sink has no property "label.password", so the line is ignored.
        a1.sinks.k1.label.password = ******
        ^
      → it has batchSize, label, password, type, channel
    flume.conf:12:3: warning: \${x} has no value, so it is left as it is written.
        ******
          ^
      → to mean the characters themselves, write $\${x}
    runs a1: r1 c1 k1"
  `);
});

test('control characters', () => {
  expect(broken({ r1: 'a1.sources.r1.type =\tnet\\u001b[31mcat' })).toMatchInlineSnapshot(`
    "flume.conf:4:22: error: There is no source type "net·[31mcat". Source r1 is dropped.
        a1.sources.r1.type =	net\\u001b[31mcat
                            	^
      → use netcat or seq
    runs a1: c1 k1"
  `);
});
