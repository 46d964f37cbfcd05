import { expect, test } from 'vitest';
import { broken, planText } from './specimens.test.fixture.ts';

const listed = 'a1.sources.r1.interceptors = i1';

test('an interceptor without a type', () => {
  expect(broken({}, listed, 'a1.sources.r1.interceptors.i1.Type = host')).toMatchInlineSnapshot(`
    "flume.conf:12:1: error: a1.sources.r1.interceptors.i1 has no type. Source r1 is dropped.
        a1.sources.r1.interceptors.i1.Type = host
        ^
      → write "type" for "Type"
    runs a1: c1 k1"
  `);
});

test('an interceptor that Flume has', () => {
  expect(broken({}, listed, 'a1.sources.r1.interceptors.i1.type = search_replace')).toMatchInlineSnapshot(`
    "flume.conf:12:38: error: Flume has the interceptor type "search_replace", this Millrace does not have it yet. Source r1 is dropped.
        a1.sources.r1.interceptors.i1.type = search_replace
                                             ^
      → it has host
    runs a1: c1 k1"
  `);
  const uuid = 'org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder';
  expect(broken({}, listed, `a1.sources.r1.interceptors.i1.type = ${uuid}`)).toContain('does not have it yet');
});

test('an interceptor that nobody knows', () => {
  expect(broken({}, listed, 'a1.sources.r1.interceptors.i1.type = hots')).toMatchInlineSnapshot(`
    "flume.conf:12:38: error: There is no interceptor type "hots". Source r1 is dropped.
        a1.sources.r1.interceptors.i1.type = hots
                                             ^
      → did you mean "host"?
    runs a1: c1 k1"
  `);
  expect(broken({}, listed, 'a1.sources.r1.interceptors.i1.type = com.example.Mine$Builder')).toMatchInlineSnapshot(`
    "flume.conf:12:38: error: "com.example.Mine$Builder" is a Java class, which cannot run here. Source r1 is dropped.
        a1.sources.r1.interceptors.i1.type = com.example.Mine$Builder
                                             ^
      → use host, or write the component for Millrace
    runs a1: c1 k1"
  `);
});

test('an interceptor by the class Flume makes, and not by the one it is told', () => {
  const written = 'a1.sources.r1.interceptors.i1.type = org.apache.flume.interceptor.HostInterceptor';
  expect(broken({}, listed, written)).toContain('→ write org.apache.flume.interceptor.HostInterceptor$Builder');
});

test('an interceptor that is listed, and not defined', () => {
  expect(
    broken({}, 'a1.sources.r1.interceptors = i1 tag', 'a1.sources.r1.interceptors.i1.type = host'),
  ).toMatchInlineSnapshot(`
    "flume.conf:11:33: error: Interceptor tag is listed, but has no properties. Source r1 is dropped.
        a1.sources.r1.interceptors = i1 tag
                                        ^
      → set a1.sources.r1.interceptors.tag.type, or take it off the list
    runs a1: c1 k1"
  `);
});

test('interceptors that are not listed', () => {
  expect(
    broken(
      {},
      listed,
      'a1.sources.r1.interceptors.i1.type = host',
      'a1.sources.r1.interceptors.i2.type = host',
      'a1.sources.r1.interceptors.i2.hostHeader = h',
    ),
  ).toMatchInlineSnapshot(`
    "flume.conf:13:1: warning: Interceptor i2 is defined, but a1.sources.r1.interceptors does not list it, so it does not run.
        a1.sources.r1.interceptors.i2.type = host
        ^
      → write a1.sources.r1.interceptors = i1 i2
    runs a1: r1 c1 k1"
  `);
  expect(broken({}, 'a1.sources.r1.interceptors.i1.type = host')).toMatchInlineSnapshot(`
    "flume.conf:11:1: warning: Interceptor i1 is defined, but a1.sources.r1.interceptors does not list it, so it does not run.
        a1.sources.r1.interceptors.i1.type = host
        ^
      → write a1.sources.r1.interceptors = i1
    runs a1: r1 c1 k1"
  `);
});

test('a property the interceptor does not have, and one it cannot read', () => {
  expect(
    broken(
      {},
      listed,
      'a1.sources.r1.interceptors.i1.type = host',
      'a1.sources.r1.interceptors.i1.hostheader = h',
      'a1.sources.r1.interceptors.i1.matching = a++',
    ),
  ).toMatchInlineSnapshot(`
    "flume.conf:13:1: warning: The host interceptor has no property "hostheader", so the line is ignored.
        a1.sources.r1.interceptors.i1.hostheader = h
        ^
      → did you mean "hostHeader"?
    flume.conf:14:42: error: matching of a1.sources.r1.interceptors.i1 must do without the possessive quantifier "++", which this Millrace does not know. Source r1 is dropped.
        a1.sources.r1.interceptors.i1.matching = a++
                                                 ^
      → correct it, or remove the line
    runs a1: c1 k1"
  `);
});

test('interceptors are planned in the order of their list, by alias or class name', () => {
  const { plans, diagnostics } = planText(`
    a1.sources = r1
    a1.channels = c1
    a1.sinks = k1
    a1.channels.c1.type = memory
    a1.sinks.k1.type = null
    a1.sinks.k1.channel = c1
    a1.sources.r1.type = seq
    a1.sources.r1.channels = c1
    a1.sources.r1.interceptors = zebra i1
    a1.sources.r1.interceptors.i1.type = HOST
    a1.sources.r1.interceptors.i1.matching = \\\\d+
    a1.sources.r1.interceptors.zebra.type = org.apache.flume.interceptor.HostInterceptor$Builder
    a1.sources.r1.interceptors.zebra.hostHeader = from
  `);
  expect(diagnostics).toEqual([]);
  const [source] = plans.get('a1')!.sources;
  expect(source!.interceptors.map(({ id, name, config }) => ({ id, name, config }))).toEqual([
    { id: 'a1.sources.r1.interceptors.zebra', name: 'zebra', config: { header: 'from', matching: undefined } },
    { id: 'a1.sources.r1.interceptors.i1', name: 'i1', config: { header: 'host', matching: '\\d+' } },
  ]);
});
