import { type Batch, BatchBuilder } from '@millrace/channel-native';
import { describe, expect, test } from 'vitest';
import type { Request } from './codec.ts';
import { thriftCodec } from './thrift.ts';
import { type Encoding, replyIn } from './thrift-reply.ts';

/** A request of events without headers, but for the first, as hexadecimal text. */
function request(encoding: Encoding, call: 'append' | 'appendBatch', count: number, serial = 1): string {
  return textOf(thriftCodec(encoding).request(serial, call, batchOf(count)));
}

function batchOf(count: number): Batch {
  const builder = new BatchBuilder();
  for (let at = 0; at < count; at += 1) builder.append('abc', at === 0 ? { k: 'v' } : {});
  return builder.finish();
}

const textOf = ({ pieces }: Request) => Buffer.concat(pieces).toString('hex');

const hex = (text: string) => Buffer.from(text).toString('hex');

describe('requests', () => {
  test('of one event are those of Flume’s client', () => {
    expect(request('compact', 'append', 1)).toBe(
      `00000019822101${'06'}${hex('append')}1c1b0188${'01'}${hex('k')}01${hex('v')}1803${hex('abc')}0000`,
    );
    expect(request('binary', 'append', 1)).toBe(
      `0000003480010001${'00000006'}${hex('append')}${'00000001'}0c00010d00010b0b0000000100000001${hex('k')}00000001${hex('v')}0b000200000003${hex('abc')}0000`,
    );
  });

  test.for(['compact', 'binary'] as const)('lie in memory of earlier ones, where that is enough (%s)', (encoding) => {
    const codec = thriftCodec(encoding);
    const { memory } = codec.request(1, 'appendBatch', batchOf(20));
    for (const [count, again] of [
      [20, true],
      [1, true],
      [10_000, false],
    ] as const) {
      const next = codec.request(2, 'appendBatch', batchOf(count), memory);
      expect(next.memory === memory).toBe(again);
      expect(textOf(next)).toBe(request(encoding, 'appendBatch', count, 2));
    }
    for (let bytes = 0; bytes < 40; bytes += 1) {
      const next = codec.request(2, 'append', batchOf(1), Buffer.alloc(bytes));
      expect(textOf(next)).toBe(request(encoding, 'append', 1, 2));
    }
  });

  test.for([
    [14, 'ec'],
    [15, 'fc0f'],
    [300, 'fcac02'],
  ] as const)('of a list of %i have its length before it', ([count, head]) => {
    const name = hex('appendBatch');
    expect(request('compact', 'appendBatch', count, 300)).toMatch(new RegExp(`^.{8}8221ac020b${name}19${head}1b01`));
    expect(request('binary', 'appendBatch', count, 300)).toMatch(
      new RegExp(`^.{8}800100010000000b${name}0000012c0f00010c${count.toString(16).padStart(8, '0')}0d0001`),
    );
  });
});

describe('replies', () => {
  const read = (encoding: Encoding, text: string) => replyIn(Buffer.from(text, 'hex'), encoding);

  test('are a status', () => {
    expect(read('compact', `82410106${hex('append')}05000000`)).toEqual({ serial: 1, outcome: 'OK' });
    expect(read('compact', `8241ac0206${hex('append')}05000200`)).toEqual({ serial: 300, outcome: 'FAILED' });
    expect(read('binary', `80010002${'00000006'}${hex('append')}000000010800000000000200`)).toEqual({
      serial: 1,
      outcome: 'ERROR',
    });
  });

  test('or an exception, with its words', () => {
    expect(read('compact', `82610106${hex('append')}1803${hex('why')}150c00`)).toEqual({ serial: 1, outcome: 'why' });
    const exception = `0b000100000003${hex('why')}0800020000000600`;
    expect(read('binary', `80010003${'00000006'}${hex('append')}00000001${exception}`)).toEqual({
      serial: 1,
      outcome: 'why',
    });
  });

  test('of the other protocol are none', () => {
    expect(() => read('binary', `82410106${hex('append')}05000000`)).toThrow('no message of the binary protocol');
    expect(() => read('compact', `80010002`)).toThrow('no message of the compact protocol');
  });
});
