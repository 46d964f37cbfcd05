import type { Duplex } from 'node:stream';
import { PROTOCOL, PROTOCOL_HASH } from '../avro-protocol.ts';
import { avroMessage, frame, HEAD_BYTES, VARINT_BYTES_MAX, writeLong } from './avro.ts';
import { ByteFeed, type Parser } from './byte-feed.ts';

/*
 * Asked:      our hash (16) │ our protocol (null or text) │ the peer's hash (16) │ metadata (null or a map), then metadata │ no name: nothing is called
 * Answered:   match │ the peer's protocol │ the peer's hash │ metadata, the latter three null or there
 */

const HASH_BYTES = 16;
/** What a peer says that has never heard of our hash; anything else (0 BOTH, 1 CLIENT) is a match. */
const NONE = 2;

/** A map without entries behind the number of its type, as Flume sends it; metadata of the call; the name of no message. */
const NOTHING_CALLED = Buffer.from([2, 0, 0, 0]);

interface Answer {
  readonly match: number;
  readonly serverHash: Buffer | undefined;
}

/**
 * Makes a connection known to an Avro server, so that requests need no handshake. A server that does not know our hash is told the
 * protocol. Rejects when what it answers is no answer; never settles when the stream ends first.
 */
export async function shakeHands(stream: Duplex): Promise<void> {
  const first = await ask(stream, PROTOCOL_HASH, undefined);
  if (first.match !== NONE) return;
  const second = await ask(stream, first.serverHash ?? PROTOCOL_HASH, PROTOCOL);
  if (second.match === NONE) throw new Error('it does not take Flume’s protocol');
}

function ask(stream: Duplex, serverHash: Buffer, protocol: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const feed = new ByteFeed(readAnswer, (answer) => {
      stream.off('data', take);
      resolve(answer);
    });
    const take = (piece: Buffer) => {
      try {
        feed.push(piece);
      } catch (error) {
        reject(error);
      }
    };
    stream.on('data', take);
    stream.write(question(serverHash, protocol));
  });
}

function question(serverHash: Buffer, protocol: string | undefined): Buffer {
  const ours = protocol === undefined ? [Buffer.from([0])] : [Buffer.from([2]), ...textOf(protocol)];
  const message = Buffer.concat([Buffer.alloc(HEAD_BYTES), PROTOCOL_HASH, ...ours, serverHash, NOTHING_CALLED]);
  return frame(message, message.length, 0, 0);
}

function textOf(text: string): Buffer[] {
  const length = Buffer.alloc(VARINT_BYTES_MAX);
  const bytes = Buffer.from(text);
  return [length.subarray(0, writeLong(length, 0, bytes.length)), bytes];
}

function* readAnswer(): Parser<Answer> {
  const { stream } = yield* avroMessage();
  const match = stream.long();
  if (match < 0 || match > NONE) throw new Error(`there is no match ${match} in a handshake`);
  stream.optional(() => stream.bytes());
  return { match, serverHash: stream.optional(() => stream.fixed(HASH_BYTES)) };
}
