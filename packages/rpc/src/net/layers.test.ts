import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { eventually } from '@millrace/testkit';
import { certified } from '@millrace/testkit/certified';
import { afterAll, describe, expect, test } from 'vitest';
import { Directory, USUAL } from './certificates.test.fixture.ts';
import { freeAtOnce } from './free-at-once.ts';
import { type Layers, layerClient, layerServer } from './layers.ts';
import { listen } from './listen.ts';
import { readClientTls, readServerTls } from './tls.ts';

const directory = new Directory();
afterAll(() => directory[Symbol.dispose]());
const authority = certified('authority');
const { key, certificate } = certified('server.example', { issuer: authority });
const keystore = { file: directory.file('server.pem', key + certificate), password: undefined };
const truststore = { file: directory.file('trusted.pem', authority.certificate), password: undefined };
const serverTls = await readServerTls(keystore, USUAL);
const clientTls = await readClientTls({ trustAll: false, truststore }, USUAL);

interface Both {
  readonly server: Layers;
  readonly client: Layers;
}

const TLS: Both = { server: { tls: serverTls }, client: { tls: clientTls } };
const DEFLATE: Both = { server: { compressionLevel: 6 }, client: { compressionLevel: 1 } };
const BOTH: Both = {
  server: { ...TLS.server, ...DEFLATE.server },
  client: { ...TLS.client, ...DEFLATE.client },
};
const every: [string, Both][] = [
  ['nothing', { server: {}, client: {} }],
  ['TLS', TLS],
  ['deflate', DEFLATE],
  ['TLS and deflate', BOTH],
];
const layered = every.slice(1);

interface ListenerOptions {
  readonly timeoutMs?: number;
  readonly allowHalfOpen?: boolean;
}

/** A listener that puts layers around one connection, and a socket connected to it. */
async function listener(layers: Layers, { timeoutMs, allowHalfOpen = false }: ListenerOptions = {}) {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
  const server = await listen({ host: '127.0.0.1', port: 0, allowHalfOpen }, resolve);
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen });
  socket.on('error', () => {});
  const peer = await accepted;
  const stream = layerServer(peer, layers, timeoutMs);
  stream.catch(() => {});
  return {
    socket,
    peer,
    stream,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      peer.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Two ends that have layers between them. */
async function connected({ server, client }: Both, options?: ListenerOptions) {
  const it = await listener(server, options);
  const near = await layerClient(it.socket, client, 5_000);
  const far = await it.stream;
  for (const end of [near, far]) end.on('error', () => {});
  return Object.assign(it, { near, far });
}

/** All that comes until the other end has ended its side. Unlike an iterator it leaves the stream as it is then. */
function buffer(stream: Duplex): Promise<Buffer> {
  const pieces: Buffer[] = [];
  stream.resume().on('data', (piece) => {
    pieces.push(Buffer.from(piece));
    freeAtOnce(piece);
  });
  return new Promise((resolve) => stream.once('end', () => resolve(Buffer.concat(pieces))));
}

const firstPiece = (stream: Duplex) => once(stream.resume(), 'data').then(String);

const written = (stream: Duplex, data: Uint8Array) => new Promise<unknown>((resolve) => stream.write(data, resolve));

describe.each(every)('through %s', (_, layers) => {
  test('bytes go both ways as they are, whatever the sizes of their pieces', async () => {
    await using it = await connected(layers);
    it.far.pipe(it.far);
    const pieces = [1, 2, 1_000, 65_536, 3_000_000, 1].map((length, at) =>
      Buffer.from(Uint8Array.from({ length }, (_, index) => (index * (at + 7)) % 251)),
    );
    const received = buffer(it.near);
    for (const piece of pieces) it.near.write(piece);
    it.near.end();
    expect((await received).equals(Buffer.concat(pieces))).toBe(true);
  });

  test('what is written is sent at once, and not when more comes', async () => {
    await using it = await connected(layers);
    it.near.write('hello');
    expect(await firstPiece(it.far)).toBe('hello');
    it.far.write('OK');
    expect(await firstPiece(it.near)).toBe('OK');
  });

  test('who has ended its side still gets answers', async () => {
    await using it = await connected(layers, { allowHalfOpen: true });
    const answers = buffer(it.near);
    it.near.end('question');
    expect((await buffer(it.far)).toString()).toBe('question');
    await pause(20);
    it.far.end(Buffer.alloc(1_000_000, 'a'));
    expect((await answers).length).toBe(1_000_000);
  });

  test('destroying one end closes everything', async () => {
    await using it = await connected(layers);
    it.far.resume();
    it.near.write(Buffer.alloc(1_000_000));
    it.near.destroy();
    await once(it.near, 'close');
    expect(it.socket.closed).toBe(true);
    await eventually(() => it.far.closed && it.peer.closed).toBe(true);
  });

  test('a peer that is gone closes the stream', async () => {
    await using it = await connected(layers);
    it.far.resume();
    it.socket.resetAndDestroy();
    await eventually(() => it.far.closed && it.peer.closed).toBe(true);
  });

  test('who does not read stops who writes', async () => {
    await using it = await connected(layers);
    const piece = randomBytes(1 << 20);
    let taken = 0;
    const writing = (async () => {
      while (!it.near.destroyed && (await written(it.near, piece)) === undefined) taken += piece.length;
    })();
    await pause(500);
    const before = taken;
    await pause(200);
    expect(taken).toBe(before);
    expect(taken).toBeLessThan(32 << 20);
    it.near.destroy();
    await writing;
  });

  test('memory that threads share may be written, and used again when it was', async () => {
    await using it = await connected(layers);
    const shared = new Uint8Array(new SharedArrayBuffer(300_000));
    const received = buffer(it.far);
    for (let round = 0; round < 20; round += 1) {
      shared.fill(round);
      await written(it.near, shared);
    }
    it.near.end();
    const all = await received;
    const firstOf = (round: number) => all.subarray(round * shared.length, (round + 1) * shared.length);
    for (let round = 0; round < 20; round += 1) expect(firstOf(round).every((byte) => byte === round)).toBe(true);
  });
});

test.each(layered)('%s copies what is written before another thread reads it', async (_, layers) => {
  await using it = await connected(layers);
  const shared = new Uint8Array(new SharedArrayBuffer(3_000_000)).fill(1);
  const received = buffer(it.far);
  it.near.write(shared);
  shared.fill(2);
  it.near.end();
  expect((await received).every((byte) => byte === 1)).toBe(true);
});

test.each([
  ['TLS', TLS, '1603'],
  ['deflate', DEFLATE, '7801'],
  ['TLS and deflate, in the order of Flume 1.11,', BOTH, '7801'],
] as const)('%s begins on the wire with %3$s', async (_, { client }, start) => {
  await using it = await listener({});
  const near = layerClient(it.socket, client, 5_000);
  if (client.tls === undefined) (await near).write('hello');
  else near.catch(() => {});
  const [first] = (await once(it.peer.resume(), 'data')) as [Buffer];
  expect(first.subarray(0, 2).toString('hex')).toBe(start);
});

describe('a handshake', () => {
  test('does not ask for the name of the host', async () => {
    await using it = await connected(TLS);
    expect(it.near.destroyed).toBe(false);
  });

  test.each([
    ['TLS', TLS],
    ['TLS and deflate', BOTH],
  ])('over %s fails, with what to do, when the trust store does not vouch', async (_, layers) => {
    const stranger = { file: directory.file('stranger.pem', certified('stranger').certificate), password: undefined };
    const tls = await readClientTls({ trustAll: false, truststore: stranger }, USUAL);
    await using it = await listener(layers.server);
    const near = layerClient(it.socket, { ...layers.client, tls }, 5_000);
    await expect(near).rejects.toThrow(/does not vouch for the certificate of the server \(\w+\): add the certificate/);
    await eventually(() => it.socket.closed && it.peer.closed).toBe(true);
  });

  test('trusts a certificate that is in the trust store itself, without its issuer, as Java does', async () => {
    const truststore = { file: directory.file('leaf.pem', certificate), password: undefined };
    await using it = await listener(TLS.server);
    const tls = await readClientTls({ trustAll: false, truststore }, USUAL);
    expect((await layerClient(it.socket, { tls }, 5_000)).destroyed).toBe(false);
  });

  test('trusts anybody when it is told to', async () => {
    await using it = await listener(TLS.server);
    const tls = await readClientTls({ trustAll: true }, USUAL);
    expect((await layerClient(it.socket, { tls }, 5_000)).destroyed).toBe(false);
  });

  test('with a client that speaks plain text ends that connection with one error', async () => {
    await using it = await listener(TLS.server);
    it.socket.write('hello world\n');
    await expect(it.stream).rejects.toThrow('does not speak TLS: set ssl = true on its side, or ssl = false here');
    await eventually(() => it.peer.closed).toBe(true);
  });

  test('with a server that speaks plain text says so', async () => {
    await using it = await listener({});
    it.peer.write('hello world\n');
    await expect(layerClient(it.socket, TLS.client, 5_000)).rejects.toThrow('The server does not speak TLS');
  });

  test.each([
    ['TLS', TLS],
    ['TLS and deflate', BOTH],
  ])('over %s that is not finished in time fails, and closes the socket', async (_, layers) => {
    await using it = await listener(layers.server, { timeoutMs: 100 });
    await expect(it.stream).rejects.toThrow('The client has not finished the TLS handshake in 100 ms');
    await eventually(() => it.peer.closed).toBe(true);
  });

  test('that a peer gives up fails', async () => {
    await using it = await listener(TLS.server, { allowHalfOpen: true });
    it.socket.destroy();
    await expect(it.stream).rejects.toThrow('the peer has closed the connection');
  });

  test('without a shared protocol names the rules', async () => {
    const tls = await readClientTls({ trustAll: true }, { ...USUAL, includeProtocols: ['TLSv1.2'] });
    await using it = await listener({
      tls: await readServerTls(keystore, { ...USUAL, excludeProtocols: ['TLSv1.2'] }),
    });
    await expect(layerClient(it.socket, { tls }, 5_000)).rejects.toThrow('share no TLS protocol or no cipher suite');
    await expect(it.stream).rejects.toThrow('look at include-protocols, exclude-protocols');
  });
});

test.each(layered)('%s cannot be put around a socket that is closed already', async (_, { server }) => {
  await using it = await listener({});
  it.peer.destroy();
  await once(it.peer, 'close');
  await expect(layerServer(it.peer, server)).rejects.toThrow('The connection is closed already');
});

/** A client of a listener whose bytes go through hands that may add some of their own. */
async function tapped(it: { readonly socket: Socket }) {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const hands = createServer((socket) => {
    socket.on('error', () => {}).pipe(it.socket);
    resolve(socket);
  }).listen(0, '127.0.0.1');
  await once(hands, 'listening');
  const client = connect((hands.address() as AddressInfo).port, '127.0.0.1');
  const toClient = await promise;
  hands.close();
  return { client, toClient, toServer: it.socket };
}

const GARBAGE = Buffer.alloc(100, 0xff);

test('a record that is wrong ends the connection', async () => {
  await using it = await listener(TLS.server);
  const { client, toClient, toServer } = await tapped(it);
  toServer.pipe(toClient);
  const near = await layerClient(client, TLS.client, 5_000);
  const failed = once(await it.stream, 'error');
  near.on('error', () => {});
  toServer.write(GARBAGE);
  expect((await failed)[0].code).toContain('ERR_SSL');
  await eventually(() => it.peer.closed && client.closed).toBe(true);
});

test('garbage that comes together with the end of the handshake ends the connection, though nobody listens yet', async () => {
  await using it = await listener(TLS.server);
  const { client, toClient, toServer } = await tapped(it);
  toServer.once('data', (flight: Buffer) => toClient.write(Buffer.concat([flight, GARBAGE])));
  await layerClient(client, TLS.client, 5_000).catch(() => {});
  await eventually(() => client.closed).toBe(true);
});

describe('a compressed stream', () => {
  test.each([
    ['lines of text', Buffer.from('hello world\n')],
    ['TLS', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])],
  ])('that is not one, but %s, ends the connection with what to do', async (what, bytes) => {
    await using it = await listener(DEFLATE.server);
    const failed = once((await it.stream).resume(), 'error');
    it.socket.write(bytes);
    const [error] = await failed;
    expect(error.message).toContain(
      `it begins like ${what}. Set compression-type = deflate on both ends or on neither`,
    );
    await eventually(() => it.peer.closed).toBe(true);
  });

  test('that breaks behind its head is not taken for something else', async () => {
    await using it = await listener(DEFLATE.server);
    const failed = once((await it.stream).resume(), 'error');
    it.socket.write(Buffer.of(0x78, 0x9c, 0xff, 0xff, 0xff, 0xff));
    expect((await failed)[0].message).toContain('cannot be decompressed');
  });

  test('that breaks later ends the connection, and what came before is kept', async () => {
    await using it = await connected(DEFLATE);
    it.near.write('hello');
    expect(await firstPiece(it.far)).toBe('hello');
    const failed = once(it.far, 'error');
    it.socket.write(Buffer.alloc(100, 0xff));
    expect((await failed)[0].message).toContain('cannot be decompressed');
    await eventually(() => it.peer.closed).toBe(true);
  });

  test('that blows up to a gigabyte is unpacked no further than it is read', async () => {
    const bomb = deflateSync(Buffer.alloc(1 << 30), { level: 9 });
    await using it = await listener(DEFLATE.server);
    const stream = await it.stream;
    it.socket.write(bomb);
    await once(stream, 'readable');
    await pause(300);
    expect(stream.readableLength).toBeLessThan(256 << 10);
    stream.once('data', () => stream.pause());
    await pause(300);
    expect(stream.readableLength).toBeLessThan(256 << 10);
  });
});
