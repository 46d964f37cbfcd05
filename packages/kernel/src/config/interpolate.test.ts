import { describe, expect, test } from 'vitest';
import { interpolate, type Surroundings } from './interpolate.ts';
import { parseProperties } from './properties.ts';

const surroundings: Surroundings = {
  environment: new Map([
    ['HOST', 'example.org'],
    ['NAME', 'HOST'],
    ['NESTED', '${env:HOST}:${a1.port}'],
    ['LOOP', 'x${env:LOOP}'],
  ]),
  system: new Map([['user.home', '/home/flume']]),
  now: new Date(2026, 1, 3, 4, 5, 6),
};

function run(source: string, options: Partial<Surroundings> = {}) {
  const { entries } = parseProperties('f.conf', Buffer.from(source, 'latin1'));
  const { entries: resolved, diagnostics } = interpolate(entries, { ...surroundings, ...options });
  return { values: [...resolved.values()].map(({ value }) => value), diagnostics };
}

/** The value of the first of some lines. */
const first = (source: string, options?: Partial<Surroundings>) => run(source, options).values[0];
const said = (source: string) =>
  run(source).diagnostics.map(
    ({ severity, code, place, suggestion }) => `${severity} ${code} ${place.line}:${place.column} ${suggestion}`,
  );

describe('what a variable stands for', () => {
  test.each([
    ['a=${env:HOST}', 'example.org'],
    ['a=http://${env:HOST}:${sys:user.home}/', 'http://example.org:/home/flume/'],
    ['a=${ENV:HOST}${Sys:user.home}', 'example.org/home/flume'],
    ['a=${date:yyyy-MM-dd}', '2026-02-03'],
    ['a=${b.c}\nb.c=1', '1'],
  ])('%s → %s', (source, value) => expect(first(source)).toBe(value));

  test('java: tells of what runs here', () => {
    expect(first('a=${java:version}')).toBe(`Node.js version ${process.versions.node}`);
    expect(first('a=${java:hardware}')).toMatch(/^processors: \d+, architecture: \w+$/);
  });

  test('another property, whatever the order, and through several of them', () => {
    expect(run('a=${b}!\nb=${c}\nc=1\nd=${a}').values).toEqual(['1!', '1', '1', '1!']);
  });

  test('is looked at again: a value may hold variables', () => {
    expect(first('a=${env:NESTED}\na1.port=80')).toBe('example.org:80');
  });

  test('may be named by a variable', () => {
    expect(first('a=${env:${env:NAME}}')).toBe('example.org');
  });

  test('is the property behind a prefix that has no answer, as in Flume', () => {
    expect(first('a=${env:b}${nonsense:b}\nb=1')).toBe('11');
  });

  test('has the default behind :- when it has no value', () => {
    expect(run('a=${env:NOPE:-4}\nb=${env:HOST:-4}\nc=${x:-${env:HOST}}\nd=${x:-}\ne=${x:-:-}').values).toEqual([
      ...['4', 'example.org', 'example.org', '', ':-'],
    ]);
  });

  test('is left alone behind $$', () => {
    expect(run('a=$${env:HOST}\nb=$$${env:HOST}\nc=$${x${env:HOST}}\nd=$ {x} $').values).toEqual([
      ...['${env:HOST}', '$${env:HOST}', '${xexample.org}', '$ {x} $'],
    ]);
  });

  test('is never looked for in keys', () => {
    const { entries } = parseProperties('f', Buffer.from('${env\\:HOST}=1'));
    expect([...interpolate(entries, surroundings).entries.keys()]).toEqual(['${env:HOST}']);
  });

  test('may be a plain environment variable where the old class asks for it, after the properties', () => {
    const old = { plainEnvironment: true };
    expect(first('a=${HOST}', old)).toBe('example.org');
    expect(first('a=${HOST}\nHOST=mine', old)).toBe('mine');
    expect(first('a=${HOST}')).toBe('${HOST}');
  });

  test('leaves the value trimmed', () => {
    expect(first('a=${env:NOPE:-  4 }')).toBe('4');
  });
});

describe('what stays as it is', () => {
  test.each([
    [
      'a=${env:NOPE}',
      'warning unresolved-variable 1:3 set the environment variable NOPE, or give a default: ${env:NOPE:-value}',
    ],
    ['a=x ${sys:no}', 'warning unresolved-variable 1:5 start with -Dno=value, or give a default: ${sys:no:-value}'],
    ['a=${HOST}', 'warning unresolved-variable 1:3 did you mean ${env:HOST}?'],
    ['a=${a1.prot}\na1.port=4', 'warning unresolved-variable 1:3 did you mean "a1.port"?'],
    ['a=${1}', 'warning unresolved-variable 1:3 to mean the characters themselves, write $${1}'],
    [
      'a=${date:yyyyq}',
      'warning unresolved-variable 1:3 write a pattern of Java’s SimpleDateFormat, such as yyyy-MM-dd',
    ],
    ['a=${java:no}', 'warning unresolved-variable 1:3 ask for version, runtime, vm, os, hardware or locale'],
    [
      'a=${constructor:name}',
      'warning unresolved-variable 1:3 the prefixes are env, sys, java and date; to mean the characters themselves, write $${constructor:name}',
    ],
  ])('%s', (source, warning) => {
    expect(said(source)).toEqual([warning]);
    expect(first(source)).toBe(source.split('\n')[0]?.slice(2));
  });

  test('a variable without its brace, silently', () => {
    expect(first('a=${env:HOST ${env:HOST}')).toBe('${env:HOST ${env:HOST}');
    expect(said('a=${env:HOST')).toEqual([]);
  });

  test('the reference to a config filter, silently', () => {
    const source = `a=\${f1['key']} \${f1["key"]} \${f1[k-e_y]}`;
    expect(first(source)).toBe(source.slice(2));
    expect(said(source)).toEqual([]);
  });

  test('properties that need each other in a circle, with one error for the circle', () => {
    const source = 'x=${a}\na=1${b}\nb=2${c}\nc=3${a}';
    const { values, diagnostics } = run(source);
    expect(values.slice(1)).toEqual(['1${b}', '2${c}', '3${a}']);
    expect(diagnostics.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'circular-reference: The values of a, b, c need each other in a circle, so they are left as they are written.',
    ]);
  });

  test('a property and an environment variable that need themselves', () => {
    expect(run('a=1${a}').diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'error circular-reference',
    ]);
    expect(first('a=1${a}')).toBe('1${a}');
    expect(run('a=${env:LOOP}').diagnostics.map(({ code }) => code)).toEqual(['circular-reference']);
  });

  test('what would grow without limit, with an error that says so', () => {
    const lines = Array.from({ length: 60 }, (_, at) => `a${at}=\${a${at + 1}}\${a${at + 1}}`);
    const { values, diagnostics } = run([...lines, 'a60=x'].join('\n'));
    expect(values.at(-10)).toBe('x'.repeat(512));
    expect(Math.max(...values.map(({ length }) => length))).toBeLessThanOrEqual(1024 * 1024);
    expect(new Set(diagnostics.map(({ code }) => code))).toEqual(new Set(['value-too-long']));
  });

  test('what is nested too deep, with one error for the property', () => {
    const names = Array.from({ length: 3_000 }, (_, at) => `a${at}=\${a${at + 1}}`);
    const { values, diagnostics } = run([...names, 'a3000=1'].join('\n'));
    expect(values).toHaveLength(3_001);
    expect(new Set(diagnostics.map(({ code }) => code))).toEqual(new Set(['variables-too-deep']));
    expect(run(`a=${'${'.repeat(9_000)}x${'}'.repeat(9_000)}`).diagnostics.map(({ code }) => code)).toContain(
      'variables-too-deep',
    );
    expect(first([...names.slice(-200), 'a3000=1'].join('\n'))).toBe('1');
  });

  test('an unresolved variable is reported where it stands, not where it is used', () => {
    expect(said('a=${b}\nb=${env:NOPE}').map((line) => line.split(' ')[2])).toEqual(['2:3']);
  });
});
