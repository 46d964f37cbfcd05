import { expect, test } from 'vitest';
import type { Resource } from '../spec.ts';
import { clashesOf } from './resources.ts';

const claim = (resource: Resource, at: number) => ({ resource, id: `a1.sources.r${at}`, key: `a1.sources.r${at}.x` });
const port = (host: string | undefined, number = 4141, protocol: 'tcp' | 'udp' = 'tcp') =>
  ({ what: 'port', protocol, host, port: number, property: 'port' }) as const;
const directory = (path: string, files?: string) =>
  ({ what: 'directory', path, property: 'd', ...(files !== undefined && { files }) }) as const;

/** How two components get along, and the same the other way round. */
function between(a: Resource, b: Resource): string {
  const hows = [
    [a, b],
    [b, a],
  ].map((pair) => clashesOf(pair.map(claim))[0]?.how ?? 'apart');
  expect(hows[0]).toBe(hows[1]);
  return hows[0]!;
}

test.for([
  ['127.0.0.1', '127.0.0.1', 'both'],
  ['localhost', '127.0.0.1', 'both'],
  ['LOCALHOST', 'localhost', 'both'],
  ['127.0.0.1', '127.0.0.2', 'apart'],
  ['0.0.0.0', '127.0.0.1', 'both'],
  ['0.0.0.0', '::1', 'apart'],
  ['0.0.0.0', '::', 'both'],
  ['::', '127.0.0.1', 'both'],
  ['::', '::1', 'both'],
  [undefined, 'web1.example.org', 'both'],
  ['0.0.0.0', 'web1.example.org', 'both'],
  ['web1.example.org', 'web2.example.org', 'apart'],
] as const)('a port at %s and at %s: %s', ([a, b, how]) => {
  expect(between(port(a), port(b))).toBe(how);
});

test('ports are apart by number and protocol, and 0 is always another', () => {
  expect(between(port('h', 1), port('h', 2))).toBe('apart');
  expect(between(port('h', 1), port('h', 1, 'udp'))).toBe('apart');
  expect(between(port('h', 0), port('h', 0))).toBe('apart');
});

test('a directory of its own nobody shares, and beside one another files may be', () => {
  expect(between(directory('/a'), directory('/a'))).toBe('both');
  expect(between(directory('/a'), directory('/a/b'))).toBe('mixed');
  expect(between(directory('/a'), directory('/ab'))).toBe('apart');
  expect(between(directory('/a'), directory('/a/b', '*.log'))).toBe('mixed');
  expect(between(directory('/a'), directory('/a', '*.log'))).toBe('mixed');
  expect(between(directory('/a', '*.log'), directory('/a', '*.log'))).toBe('mixed');
  expect(between(directory('/a', 'x*.log'), directory('/a', 'y*.log'))).toBe('apart');
  expect(between(directory('/a', '*.log'), directory('/a/b', '*.log'))).toBe('apart');
  expect(between(directory('/a', '*.log'), directory('/a/b'))).toBe('apart');
});

test('each claim is told once, with the first it meets, and one component meets itself nowhere', () => {
  const claims = [port('h'), port('h'), port('h'), directory('/a'), directory('/a')].map(claim);
  claims[4] = { ...claims[4]!, id: claims[3]!.id };
  expect(clashesOf(claims).map(({ first, second }) => [first.id, second.id])).toEqual([
    ['a1.sources.r0', 'a1.sources.r1'],
    ['a1.sources.r0', 'a1.sources.r2'],
  ]);
});
