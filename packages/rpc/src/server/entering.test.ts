import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@millrace/testkit';
import { certified } from '@millrace/testkit/certified';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { connect } from '../client/index.ts';
import { Directory, USUAL } from '../net/certificates.test.fixture.ts';
import { readClientTls, readServerTls } from '../net/index.ts';
import { type Stage, stage } from './stage.test.fixture.ts';
import { avroAppend, avroMessage, avroReplies, hello } from './wire.test.fixture.ts';

const directory = new Directory();
afterAll(() => directory[Symbol.dispose]());
const { key, certificate } = certified('server');
const tls = await readServerTls({ file: directory.file('server.pem', key + certificate), password: undefined }, USUAL);
const trusting = await readClientTls({ trustAll: true }, USUAL);

const warnings = ({ log }: Stage) => log.lines.filter(({ level }) => level === 'warn');

describe('a server with TLS', () => {
  test.for([undefined, 6])(
    'serves its clients, and says who speaks something else (compression: %s)',
    async (compressionLevel) => {
      await using it = await stage({ layers: { tls, compressionLevel } });
      await it.client.write(Buffer.concat([hello, Buffer.alloc(100)]));
      await it.client.closed;
      await eventually(() => warnings(it)).toMatchObject([
        { fields: { peer: '127.0.0.1' }, message: 'A connection could not be let in.' },
      ]);

      const layers = { tls: trusting, compressionLevel };
      const client = await connect({ protocol: 'avro', host: '127.0.0.1', port: it.port, layers });
      await client.appendBatch(['a', 'b'].map((body) => ({ body })));
      await client.append({ body: 'c'.repeat(1_000_000) });
      expect(it.handled.map((bodies) => bodies.length)).toEqual([2, 1]);
      expect(it.connections()).toBe(1);
      await client.close();
      await eventually(it.connections).toBe(0);
      expect(warnings(it).length).toBe(1);
    },
  );

  test('waits for no handshake when it is closed', async () => {
    await using it = await stage({ layers: { tls } });
    await it.client.write(Buffer.from('1603', 'hex'));
    await pause(20);
    await it.close();
    await it.client.closed;
    expect(warnings(it)).toEqual([]);
  });
});

test('a client without TLS is read by native code', async () => {
  const ofNode = () => process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length;
  await eventually(ofNode).toBe(0);
  await using it = await stage();
  await it.client.write(hello);
  await eventually(() => avroReplies(it.client.received()).length).toBe(1);
  // The client's own.
  expect(ofNode()).toBe(1);
});

test('a client may be refused by its address', async () => {
  const asked: string[] = [];
  await using it = await stage({
    admit: async (address) => {
      asked.push(address);
      return asked.length > 1;
    },
  });
  await it.client.closed;
  const other = await it.connect();
  await other.write(Buffer.concat([hello, avroMessage(1, avroAppend('a'))]));
  await eventually(() => avroReplies(other.received()).length).toBe(2);
  expect(asked).toEqual(['127.0.0.1', '127.0.0.1']);
  expect(it.connections()).toBe(1);
  other.socket.destroy();
});

test('a client that is not let in within 20 seconds is disconnected', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    await using it = await stage({ admit: () => new Promise(() => {}) });
    while (vi.getTimerCount() === 0) await new Promise(setImmediate);
    vi.advanceTimersByTime(19_999);
    expect(it.client.socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await it.client.closed;
  } finally {
    vi.useRealTimers();
  }
});

test('a client that sends half a request and then nothing goes when others need its room', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    await using it = await stage({ inFlightBytesMax: 100_000 });
    const request = avroMessage(1, avroAppend('x'.repeat(90_000)));
    await it.client.write(Buffer.concat([hello, request.subarray(0, 80_000)]));
    const other = await it.connect();
    await other.write(Buffer.concat([hello, request.subarray(0, 80_000)]));
    while (vi.getTimerCount() === 0) await pause(1);
    const third = await it.connect();
    await third.write(Buffer.concat([hello, request]));
    for (let second = 0; second < 60 && avroReplies(third.received()).length < 2; second += 1) {
      vi.advanceTimersByTime(1_000);
      await pause(20);
    }
    expect(avroReplies(third.received()).length).toBe(2);
    expect(warnings(it)[0]!.message).toContain('gone on with what it had begun to send');
    for (const client of [other, third]) client.socket.destroy();
  } finally {
    vi.useRealTimers();
  }
});
