import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { describeFirstBytes } from './first-bytes.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test.each([
  ['the hello of a TLS client', hex('16 03 01 02 00 01 00 01 fc 03 03'), /^TLS \(set ssl = true on this side/],
  ...[0, 1, 6, 9].map(
    (level) => [`zlib at level ${level}`, deflateSync('x', { level }), /^a compressed stream/] as const,
  ),
  ['a web client', Buffer.from('GET / HTTP/1.1\r\n'), /^an HTTP request/],
  ['compact Thrift', hex('00000019 82 21 01 06 61 70 70 65'), /compact protocol/],
  ['binary Thrift', hex('00000019 80 01 00 01 00 00 00 06'), /binary protocol/],
  ['Avro', hex('00000001 00000003 00000054 86 aa ad 7f'), /^an Avro message$/],
  ['a terminal', Buffer.from('hello world\n'), /^lines of text$/],
] as const)('%s is known by its first bytes', (_, bytes, description) => {
  expect(describeFirstBytes(bytes)).toMatch(description);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['one byte of many things', hex('16')],
  ['noise', hex('ff fe fd fc fb fa f9 f8')],
])('%s is not guessed at', (_, bytes) => {
  expect(describeFirstBytes(bytes)).toBeUndefined();
});

test('a view into other bytes is read where it begins', () => {
  const bytes = Buffer.concat([Buffer.from('xxx'), hex('00000001 00000003 00000054')]).subarray(3);
  expect(describeFirstBytes(bytes)).toBe('an Avro message');
});
