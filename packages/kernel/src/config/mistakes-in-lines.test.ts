import { expect, test } from 'vitest';
import { broken } from './specimens.test.fixture.ts';

// One broken configuration for each rule about lines, keys and lists, and what people are told about it.

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
    "flume.conf:3:11: warning: a1.sinks has no value, so it counts as not set.
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
    "flume.conf:1:1: error: Agent a1 lists neither sources nor sinks, so nothing of it runs.
        a1.channels = c1
        ^
      → add a1.sources = … and a1.sinks = …
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
      → write a1.sources.r1.type = …, or whichever property is meant
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
      → mend channel c2
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
