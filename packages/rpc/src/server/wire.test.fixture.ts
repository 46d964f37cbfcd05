import { PROTOCOL_HASH } from '../avro-protocol.ts';
import { int32, varint } from './bytes.ts';

/** Requests as bytes, written down for tests without the code under test. */

export interface WireEvent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A message of Avro: serial, number of buffers, and each with its length. */
export function avroMessage(serial: number, ...buffers: readonly Buffer[]): Buffer {
  const framed = buffers.flatMap((buffer) => [int32(buffer.length), buffer]);
  return Buffer.concat([int32(serial), int32(buffers.length), ...framed]);
}

export const zigzag = (value: number) => varint(value * 2);

export function avroText(text: string): Buffer {
  return Buffer.concat([zigzag(Buffer.byteLength(text)), Buffer.from(text)]);
}

/** A handshake; without more, that of Flume 1.11. */
export function handshake({
  clientHash = PROTOCOL_HASH,
  protocol = undefined as string | undefined,
  serverHash = PROTOCOL_HASH,
} = {}): Buffer {
  const text = protocol === undefined ? Buffer.of(0) : Buffer.concat([Buffer.of(2), avroText(protocol)]);
  return Buffer.concat([clientHash, text, serverHash, Buffer.of(0)]);
}

/** A call without a handshake before it. */
export function avroCall(name: string, parameters: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.of(0), avroText(name), parameters]);
}

/** The first message of a connection, which matches it and calls nothing. */
export const hello = avroMessage(0, handshake(), avroCall(''));

export function avroEvent({ headers = {}, body }: WireEvent): Buffer {
  const pairs = Object.entries(headers);
  const map = pairs.length === 0 ? [] : [zigzag(pairs.length), ...pairs.flat().map(avroText)];
  return Buffer.concat([...map, Buffer.of(0), avroText(body)]);
}

export const avroAppend = (body: string) => avroCall('append', avroEvent({ body }));

export function avroAppendBatch(bodies: readonly string[]): Buffer {
  const events = bodies.map((body) => avroEvent({ body }));
  const blocks = events.length === 0 ? [] : [zigzag(events.length), ...events];
  return avroCall('appendBatch', Buffer.concat([...blocks, Buffer.of(0)]));
}

/** The whole messages in what was received, their buffers joined; as `serial:hex`. */
export function avroReplies(received: Buffer): string[] {
  const replies: string[] = [];
  for (let at = 0; at + 8 <= received.length; ) {
    const [serial, count] = [received.readUInt32BE(at), received.readUInt32BE(at + 4)];
    at += 8;
    let stream = '';
    for (let buffer = 0; buffer < count; buffer += 1) {
      const length = received.readUInt32BE(at);
      stream += received.toString('hex', at + 4, at + 4 + length);
      at += 4 + length;
    }
    if (at > received.length) break;
    replies.push(`${serial}:${stream}`);
  }
  return replies;
}

/** The whole frames in what was received, as hex. */
export function thriftReplies(received: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + 4 <= received.length; ) {
    const end = at + 4 + received.readUInt32BE(at);
    if (end <= received.length) found.push(received.toString('hex', at + 4, end));
    at = end;
  }
  return found;
}

/** A call of Thrift in its compact protocol, framed. */
export function compactAppend(serial: number, body: string, method = 'append'): Buffer {
  const text = (value: string) => Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]);
  return thriftFrame(
    Buffer.of(0x82, 0x21),
    varint(serial),
    text(method),
    Buffer.of(0x1c, 0x1b, 0x00, 0x18),
    text(body),
    Buffer.of(0, 0),
  );
}

/** The same in its binary protocol. */
export function binaryAppend(serial: number, body: string, method = 'append'): Buffer {
  const text = (value: string) => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]);
  return thriftFrame(
    Buffer.of(0x80, 1, 0, 1),
    text(method),
    int32(serial),
    Buffer.of(12, 0, 1, 13, 0, 1, 11, 11, 0, 0, 0, 0, 11, 0, 2),
    text(body),
    Buffer.of(0, 0),
  );
}

function thriftFrame(...parts: readonly Buffer[]): Buffer {
  const message = Buffer.concat(parts);
  return Buffer.concat([int32(message.length), message]);
}
