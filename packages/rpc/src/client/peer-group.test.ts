import { eventually, freePort } from '@millrace/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectBalanced } from './balanced.ts';
import type { RpcClient } from './client.ts';
import { connect } from './connect.ts';
import { connectFailover } from './failover.ts';
import { type accepting, FAILED, type Message, OK, type RawPeer, rawPeer } from './raw-peer.test.fixture.ts';

const open = (port: number) => connect({ protocol: 'avro', host: '127.0.0.1', port });

/** The text of every message a peer was sent, without what stands before the events. */
const bodiesAt = ({ messages }: RawPeer) =>
  messages.map(({ content }) => /[a-z\d ]+(?=\0?$)/.exec(content.toString('latin1'))?.[0]);

const keep = <Client extends RpcClient>(client: Client): Client => {
  onTestFinished(() => client.destroy());
  return client;
};

/** Accepts everything but what has one of these words in it. */
const refusing =
  (...words: string[]) =>
  (message: Message, connection: Parameters<typeof accepting>[1]) =>
    connection.reply(message.serial, words.some((word) => message.content.includes(word)) ? FAILED : OK);

describe('a client that stands by', () => {
  test('goes on with the next host when one fails, stays there, and comes round to the first', async () => {
    const [first, second] = [await rawPeer(refusing('two')), await rawPeer(refusing('four'))];
    const client = keep(connectFailover([first.port, second.port], open));
    for (const body of ['one', 'two', 'three', 'four', 'five']) await client.append({ body });
    expect([bodiesAt(first), bodiesAt(second)]).toEqual([
      ['one', 'two', 'four', 'five'],
      ['two', 'three', 'four'],
    ]);
    expect(client.usable).toBe(true);
  });

  test('passes over hosts that cannot be reached', async () => {
    const [port, peer] = [await freePort(), await rawPeer()];
    const client = keep(connectFailover([port, peer.port], open));
    await Promise.all(['a', 'b', 'c'].map((body) => client.append({ body })));
    expect(bodiesAt(peer)).toEqual(['a', 'b', 'c']);
    expect(peer.connections).toHaveLength(1);
  });

  test('goes on once when several requests fail with one host', async () => {
    const peers = [await rawPeer(refusing('')), await rawPeer(), await rawPeer()];
    const ports = peers.map(({ port }) => port);
    const client = keep(connectFailover(ports, open));
    await Promise.all(['a', 'b', 'c'].map((body) => client.append({ body })));
    expect(bodiesAt(peers[1]!)).toEqual(['a', 'b', 'c']);
    expect(peers[2]!.messages).toEqual([]);
  });

  test('gives a request up after as many hosts as there are, or as it is told', async () => {
    const peers = [await rawPeer(refusing('bad')), await rawPeer(refusing('bad')), await rawPeer(refusing('bad'))];
    const ports = peers.map(({ port }) => port);
    await expect(keep(connectFailover(ports, open)).append({ body: 'bad' })).rejects.toMatchObject({
      code: 'MR_PEER_REFUSED',
    });
    expect(peers.map(({ messages }) => messages.length)).toEqual([1, 1, 1]);
    await expect(keep(connectFailover(ports, open, { maxAttempts: 2 })).append({ body: 'bad' })).rejects.toThrow();
    expect(peers.map(({ messages }) => messages.length)).toEqual([2, 2, 1]);
  });

  test('sends only the request again that has failed, of a list that is several', async () => {
    const [first, second] = [await rawPeer(refusing('b')), await rawPeer()];
    const client = keep(connectFailover([first.port, second.port], open, { batchSize: 1 }));
    await client.appendBatch(['a', 'b', 'c'].map((body) => ({ body })));
    expect([bodiesAt(first), bodiesAt(second)]).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
  });

  test('says why when nobody can be reached', async () => {
    const client = keep(connectFailover([await freePort(), await freePort()], open));
    await expect(client.append({ body: 'a' })).rejects.toMatchObject({ code: 'MR_PEER_UNREACHABLE' });
  });
});

describe('a client that balances', () => {
  test('gives each request to the next host in turn', async () => {
    const peers = [await rawPeer(), await rawPeer(), await rawPeer()];
    const client = keep(
      connectBalanced(
        peers.map(({ port }) => port),
        open,
      ),
    );
    for (const body of ['1', '2', '3', '4']) await client.append({ body });
    expect(peers.map(bodiesAt)).toEqual([['1', '4'], ['2'], ['3']]);
    expect(peers.map(({ connections }) => connections.length)).toEqual([1, 1, 1]);
  });

  test('gives it to another one when a host fails, and leaves that one out for a while with backoff', async () => {
    const [bad, good] = [await rawPeer(refusing('')), await rawPeer()];
    for (const [backoff, tried] of [
      [false, 2],
      [true, 1],
    ] as const) {
      const before = bad.messages.length;
      const client = keep(connectBalanced([bad.port, good.port], open, { backoff }));
      for (const body of ['1', '2', '3']) await client.append({ body });
      expect(bad.messages.length - before).toBe(tried);
    }
    expect(bodiesAt(good)).toEqual(['1', '2', '3', '1', '2', '3']);
  });

  test('says of each host why it did not take the events', async () => {
    const [bad, port] = [await rawPeer(refusing('')), await freePort()];
    const client = keep(connectBalanced([bad.port, port], open, { backoff: true }));
    await expect(client.append({ body: 'a' })).rejects.toMatchObject({
      code: 'MR_PEER_UNREACHABLE',
      message: expect.stringMatching(/No host took the events.*has not taken the events \(FAILED\).*Cannot connect to/),
    });
    await expect(client.append({ body: 'a' })).rejects.toThrow('left out for a while');
  });
});

test.for([connectFailover, connectBalanced])(
  '%o does not say that nobody was reached when one host may have the events',
  async (make) => {
    let gone = false;
    const peer = await rawPeer(
      (_message, { socket }) => {
        gone = true;
        socket.destroy();
      },
      { onConnection: (socket) => gone && socket.destroy() },
    );
    const client = keep(make([peer.port, await freePort()], open));
    await expect(client.append({ body: 'a' })).rejects.toMatchObject({
      code: 'MR_PEER_LOST',
      message: expect.stringMatching(/The connection to .* is lost.*Cannot connect to/),
    });
  },
);

test.for([connectFailover, connectBalanced])(
  '%o leaves nothing open and takes nothing more when it is closed',
  async (make) => {
    const peers = [await rawPeer(), await rawPeer()];
    const client = make(
      peers.map(({ port }) => port),
      open,
    );
    for (const body of ['a', 'b']) await client.append({ body });
    await client.close();
    expect(client.usable).toBe(false);
    await expect(client.append({ body: 'c' })).rejects.toMatchObject({ code: expect.stringMatching(/^MR_PEER_/) });
    const sockets = peers.flatMap(({ connections }) => connections.map(({ socket }) => socket));
    await eventually(() => sockets.every(({ destroyed }) => destroyed)).toBe(true);
  },
);
