import { eventually, ScratchChannel, watchHandles } from '@millrace/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from './connect.ts';
import { accepting, BOTH, FAILED, frame, OK, type RawConnection, rawPeer } from './raw-peer.test.fixture.ts';

const open = async (port: number, options = {}) => {
  const client = await connect({ protocol: 'avro', host: '127.0.0.1', port, ...options });
  onTestFinished(() => client.destroy());
  return client;
};

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fulfilled',
    (error) => error.code,
  );

const HASH = '86aadae2c45474c0fe93ffd0f2350a65';

describe('what stands on the wire', () => {
  test('is a handshake with the hash of Flume 1.11, and no call', async () => {
    const peer = await rawPeer(({ serial }, { reply }) => reply(serial, BOTH), { shakeHands: false });
    await open(peer.port);
    expect(peer.messages.map(({ content }) => content.toString('hex'))).toEqual([`${HASH}00${HASH}02000000`]);
  });

  test('is an event, or a list of them, as Flume reads it', async () => {
    const peer = await rawPeer();
    const client = await open(peer.port);
    await client.append({ body: 'abc', headers: { k: 'v' } });
    await client.appendBatch([{ headers: { h1: 'v1' }, body: 'one' }, { body: Buffer.from('two') }]);
    const text = (words: string) => Buffer.from(words).toString('hex');
    expect(peer.messages.map(({ content }) => content.toString('hex'))).toEqual([
      `000c${text('append')}02${'02'}${text('k')}02${text('v')}0006${text('abc')}`,
      `0016${text('appendBatch')}0402${'04'}${text('h1')}04${text('v1')}0006${text('one')}0006${text('two')}00`,
    ]);
  });

  test('is the batch of a channel, byte for byte, also when it is larger than what a socket takes at once', async () => {
    using channel = new ScratchChannel({ poison: true });
    const peer = await rawPeer();
    const client = await open(peer.port, { batchSize: 1_000 });
    const bodies = Array.from({ length: 900 }, (_, at) => String.fromCharCode(97 + (at % 26)).repeat(9_000));
    await channel.put(...bodies);
    const lease = channel.port.tryTake(1_000)!;
    await client.appendBatch(lease.batch);
    lease.commit();
    const content = peer.messages[0]!.content.toString('latin1');
    expect(content.slice(15, -1)).toBe(bodies.map((body) => `\0\xd0\x8c\x01${body}`).join(''));
  });

  test('is one request for each batch-size of events, in order, and none for no events', async () => {
    const peer = await rawPeer();
    const client = await open(peer.port, { batchSize: 2 });
    await client.appendBatch([]);
    await client.appendBatch(['a', 'b', 'c', 'd', 'e'].map((body) => ({ body })));
    expect(peer.messages.map(({ content }) => content.subarray(13).toString('hex'))).toEqual([
      '04000261000262' + '00',
      '04000263000264' + '00',
      '02000265' + '00',
    ]);
  });
});

test('a batch that a source may find too long is sent in parts, and one event never is', async () => {
  const peer = await rawPeer();
  const client = await open(peer.port);
  const bodies = [1, 2, 3, 4, 5, 20].map((mebibytes) => Buffer.alloc(mebibytes << 20, String(mebibytes)));
  await client.appendBatch(bodies.map((body) => ({ body })));
  const sizes = peer.messages.map(({ content }) => content.length >> 20);
  expect(sizes).toEqual([6, 4, 5, 20]);
});

describe('a server', () => {
  const answering = (...answers: number[][]) =>
    rawPeer(({ serial }, { reply }) => reply(serial, answers.shift() ?? OK), { shakeHands: false });
  const theirHash = [...Buffer.from('0123456789abcdef')];

  test('that does not know the hash is told the protocol, and its own hash', async () => {
    const peer = await answering([4, 0, 2, ...theirHash, 0], BOTH);
    const client = await open(peer.port);
    await client.append({ body: 'a' });
    const [, second] = peer.messages.map(({ content }) => content.toString('latin1'));
    expect(second).toContain('"protocol":"AvroSourceProtocol"');
    expect(second?.slice(-20)).toBe('0123456789abcdef\x02\0\0\0');
    expect(peer.messages).toHaveLength(3);
  });

  test('with a hash of its own is taken, too', async () => {
    const peer = await answering([2, 2, 4, 0x7b, 0x7d, 2, ...theirHash, 0]);
    await (await open(peer.port)).append({ body: 'a' });
  });

  test('that takes another protocol is told so', async () => {
    const peer = await answering([4, 0, 2, ...theirHash, 0], [4, 0, 2, ...theirHash, 0]);
    await expect(open(peer.port)).rejects.toThrow(/does not take Flume’s protocol.*look whether it is a source/);
  });
});

describe('replies', () => {
  test('are matched by serial, in whatever order they come', async () => {
    const waiting: [number, RawConnection][] = [];
    const peer = await rawPeer(({ serial }, connection) => {
      waiting.push([serial, connection]);
      if (waiting.length === 3) for (const [one, { reply }] of waiting.reverse()) reply(one, OK);
    });
    const client = await open(peer.port);
    const settled: string[] = [];
    const calls = ['a', 'b', 'c'].map(async (body) => {
      await client.append({ body });
      settled.push(body);
    });
    await Promise.all(calls);
    expect(settled).toEqual(['c', 'b', 'a']);
  });

  test('of FAILED reject their request, and end the client', async () => {
    const peer = await rawPeer(({ serial }, { reply }) => reply(serial, FAILED));
    const client = await open(peer.port);
    const [refused, lost] = [client.append({ body: 'a' }), client.append({ body: 'b' })];
    await expect(refused).rejects.toMatchObject({
      code: 'MR_PEER_REFUSED',
      message: `127.0.0.1:${peer.port} has not taken the events (FAILED): look into its log for the reason, and send them again.`,
    });
    expect(await codeOf(lost)).toBe('MR_PEER_LOST');
    expect(client.usable).toBe(false);
    await expect(client.append({ body: 'c' })).rejects.toThrow(/a new one/);
  });

  test('with an error say what it is', async () => {
    const text = 'No such remote message';
    const error = [0, 1, 0, 2 * text.length, ...Buffer.from(text)];
    const peer = await rawPeer(({ serial }, { reply }) => reply(serial, error));
    await expect((await open(peer.port)).append({ body: 'a' })).rejects.toThrow(text);
  });

  test.for([
    ['what no one asked for', frame(99, OK)],
    ['a status there is not', frame(1, [0, 0, 8])],
    ['a message cut short', frame(1, [0])],
    ['a buffer of 2 GiB', Buffer.from('0000000100000001' + '7fffffff', 'hex')],
    ['a buffer of less than nothing', Buffer.from('0000000100000001' + 'ffffffff', 'hex')],
    ['a page of a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ] as const)('that are %s end the client, and say what to look for', async ([, bytes]) => {
    const peer = await rawPeer((_, { socket }) => socket.write(bytes));
    const client = await open(peer.port);
    await expect(client.append({ body: 'a' })).rejects.toMatchObject({
      code: 'MR_PEER_INVALID',
      message: expect.stringMatching(/cannot be understood .*look whether it is an Avro source/),
    });
    expect(client.usable).toBe(false);
  });
});

describe('a peer', () => {
  test('that accepts and never answers is given up after the connect timeout', async () => {
    const peer = await rawPeer(() => {}, { shakeHands: false });
    await expect(open(peer.port, { connectTimeoutMs: 150 })).rejects.toMatchObject({
      code: 'MR_PEER_TIMEOUT',
      message: expect.stringMatching(/is not ready for requests within 150 ms: /),
    });
  });

  test('that does not answer a request is given up after the request timeout, with all that is in flight', async () => {
    const peer = await rawPeer(({ content, serial }, { reply }) => {
      if (content.includes('answered')) reply(serial, OK);
    });
    const client = await open(peer.port, { requestTimeoutMs: 150 });
    await client.append({ body: 'answered' });
    const calls = [client.append({ body: 'a' }), client.append({ body: 'b' }), client.append({ body: 'answered' })];
    expect(await Promise.all(calls.map(codeOf))).toEqual(['MR_PEER_TIMEOUT', 'MR_PEER_TIMEOUT', 'fulfilled']);
  });

  test('that nobody is at is said with what to do', async () => {
    await expect(open(1)).rejects.toMatchObject({
      code: 'MR_PEER_UNREACHABLE',
      message:
        'Cannot connect to 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): start the agent there, or correct the host and port.',
    });
  });

  test('that dies in the middle of a batch fails it', async () => {
    const peer = await rawPeer(accepting, {
      onConnection: (socket) => socket.on('data', () => socket.bytesRead > 100_000 && socket.destroy()),
    });
    const client = await open(peer.port);
    expect(await codeOf(client.appendBatch([{ body: Buffer.alloc(30 << 20) }]))).toBe('MR_PEER_LOST');
  });

  test('that goes away between requests leaves a client that says it cannot be used', async () => {
    const peer = await rawPeer();
    const client = await open(peer.port);
    await client.append({ body: 'a' });
    peer.connections[0]?.socket.end();
    await eventually(() => client.usable).toBe(false);
    expect(await codeOf(client.append({ body: 'b' }))).toBe('MR_PEER_LOST');
  });
});

describe('the memory of a batch', () => {
  const fill = Array.from({ length: 7 }, (_, at) => String(at).repeat(1 << 20));
  const encoded = fill.map((body) => `\0\x80\x80\x80\x01${body}`).join('');
  /** What stands before the events. */
  const HEAD_BYTES = 26;

  /** A peer that reads nothing until it is told to, and then all that comes. */
  async function stalledPeer() {
    const received: Buffer[] = [];
    const peer = await rawPeer(() => {}, {
      onConnection: (socket) => {
        socket.once('data', () => {
          socket.removeAllListeners('data');
          socket.write(frame(0, BOTH));
          socket.pause();
          socket.on('data', (piece) => received.push(piece as Buffer));
          socket.pause();
        });
      },
    });
    return { peer, text: () => Buffer.concat(received).toString('latin1') };
  }

  test.for(['timeout', 'destroy', 'abort'] as const)(
    'is read by nobody once a request has failed by %s',
    async (how) => {
      using channel = new ScratchChannel({ poison: true });
      const { peer, text } = await stalledPeer();
      const abort = new AbortController();
      const client = await open(peer.port, {
        requestTimeoutMs: how === 'timeout' ? 100 : 20_000,
        signal: abort.signal,
      });
      await channel.put(...fill);
      const lease = channel.port.tryTake(100)!;
      const sending = codeOf(client.appendBatch(lease.batch));
      if (how === 'destroy') void client.destroy();
      if (how === 'abort') abort.abort();
      expect(await sending).toMatch(/^MR_PEER_/);
      // The channel overwrites it, and what was on its way must not have changed.
      lease.commit();
      const { socket } = peer.connections[0]!;
      const ended = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      await ended;
      expect(text().length).toBeGreaterThan(0);
      expect(encoded.startsWith(text().slice(HEAD_BYTES))).toBe(true);
    },
  );

  test('is not given back because a peer answers before it has read everything', async () => {
    using channel = new ScratchChannel({ poison: true });
    const { peer, text } = await stalledPeer();
    const client = await open(peer.port);
    await channel.put(...fill);
    const lease = channel.port.tryTake(100)!;
    let settled = false;
    const sending = client.appendBatch(lease.batch).then(() => {
      settled = true;
      lease.commit();
    });
    const { reply, socket } = peer.connections[0]!;
    reply(1, OK);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(settled).toBe(false);
    socket.resume();
    await sending;
    await eventually(() => text().length).toBeGreaterThan(7 << 20);
    expect(text().slice(HEAD_BYTES, -1) === encoded).toBe(true);
  });
});

describe('the end', () => {
  test('in order waits for what is in flight', async () => {
    const peer = await rawPeer(({ serial }, { reply }) => void setTimeout(() => reply(serial, OK), 50));
    const client = await open(peer.port);
    const sending = client.append({ body: 'a' });
    const closing = client.close();
    expect(client.usable).toBe(false);
    await sending;
    await closing;
    expect(await codeOf(client.append({ body: 'b' }))).toBe('MR_PEER_LOST');
    expect(peer.messages).toHaveLength(1);
  });

  test('leaves nothing open', async () => {
    const peer = await rawPeer();
    const atRest = watchHandles();
    for (const how of ['close', 'destroy'] as const) {
      const client = await connect({ protocol: 'avro', host: '127.0.0.1', port: peer.port });
      await client.append({ body: 'a' });
      await client[how]();
    }
    await atRest();
  });
});
