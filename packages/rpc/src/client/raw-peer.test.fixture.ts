import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { ByteFeed, type Parser } from './byte-feed.ts';

/** A whole message, as it came. */
export interface Message {
  readonly serial: number;
  /** What is in its buffers, joined. */
  readonly content: Buffer;
}

/** The other end of a connection, of which the test decides what it says. */
export interface RawConnection {
  readonly socket: Socket;
  /** Sends a reply in three buffers, of which the first is empty, as Flume does. */
  reply(serial: number, content: readonly number[]): void;
}

export interface RawPeer {
  readonly port: number;
  readonly connections: readonly RawConnection[];
  readonly messages: readonly Message[];
}

/** A match, without a call. */
export const BOTH = [0, 0, 0, 0];
export const OK = [0, 0, 0];
export const FAILED = [0, 0, 2];

/** Answers every request with OK. */
export const accepting = ({ serial }: Message, { reply }: RawConnection) => reply(serial, OK);

/** Listens on a port, reads Avro's messages and gives them to a function, until the test is over. The handshake is answered by itself. */
export async function rawPeer(
  onMessage: (message: Message, connection: RawConnection) => void = accepting,
  { shakeHands = true, onConnection = (_socket: Socket) => {} } = {},
): Promise<RawPeer> {
  const connections: RawConnection[] = [];
  const messages: Message[] = [];
  const server = createServer((socket) => {
    const connection: RawConnection = {
      socket,
      reply: (serial, content) => socket.write(frame(serial, content)),
    };
    let greeted = !shakeHands;
    const feed = new ByteFeed(readMessage, (message) => {
      if (greeted) {
        messages.push(message);
        onMessage(message, connection);
      } else connection.reply(message.serial, BOTH);
      greeted = true;
    });
    connections.push(connection);
    socket.on('error', () => {});
    socket.on('data', (piece) => feed.push(piece as Buffer));
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    for (const { socket } of connections) socket.destroy();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, connections, messages };
}

function* readMessage(): Parser<Message> {
  const head = yield 8;
  const buffers: Buffer[] = [];
  for (let left = head.readInt32BE(4); left > 0; left -= 1) {
    const length = (yield 4).readInt32BE();
    if (length > 0) buffers.push(yield length);
  }
  return { serial: head.readInt32BE(), content: Buffer.concat(buffers) };
}

/** A message of three buffers, of which the first is empty. */
export function frame(serial: number, content: readonly number[]): Buffer {
  const [first, rest] = [content.slice(0, 1), content.slice(1)];
  const int = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const buffers = [[], first, rest].flatMap((bytes) => [int(bytes.length), Buffer.from(bytes)]);
  return Buffer.concat([int(serial), int(3), ...buffers]);
}
