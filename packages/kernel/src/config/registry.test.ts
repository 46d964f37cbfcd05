import { expect, test } from 'vitest';
import { facts } from '../fixtures/facts.ts';
import { defineSource } from '../spec.ts';
import { createRegistry } from './registry.ts';
import { registry } from './specimens.test.fixture.ts';

const module = (name: string) => new URL(`file:///${name}.js`);
const source = (type: string, ...classNames: string[]) =>
  defineSource({
    facts: facts.source,
    type,
    classNames,
    summary: '',
    stability: 'stable',
    drive: 'event',
    properties: {},
    metrics: {},
  });

test('a component is found by alias and class name, whatever their case, and only in its kind', () => {
  expect(registry.find('source', 'NETCAT')?.spec.type).toBe('netcat');
  expect(registry.find('channel', 'org.apache.flume.channel.memorychannel')?.spec.type).toBe('memory');
  expect(registry.find('sink', 'netcat')).toBeUndefined();
  expect(registry.find('source', 'constructor')).toBeUndefined();
});

test('the types of each kind are told', () => {
  expect(registry.types('source')).toEqual(['netcat', 'seq']);
  expect(registry.types('sink')).toEqual(['null']);
});

test('two components of one name are refused, alias or class', () => {
  const one = { spec: source('a', 'com.example.A'), module: module('one') };
  for (const spec of [source('A'), source('b', 'com.Example.a')]) {
    expect(() => createRegistry([one], [{ spec, module: module('two') }])).toThrow(
      /one\.js and file:\/\/\/two\.js both call/,
    );
  }
});
