import type { WireEvent } from './avro.ts';
import { FramedSocket } from './framed-socket.ts';

/** Flume's Thrift protocol, as its clients write it: frames of compact or of binary protocol. */

export type ThriftProtocol = 'compact' | 'binary';

const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

/** Seven bits in each byte, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.of(...bytes, value);
}

/** How a protocol writes what Flume's calls are made of. */
interface Writer {
  begin(name: string, serial: number): Buffer;
  /** The head of a call's only field, a struct or a list of so many structs. */
  parameter(structs: number | undefined): Buffer;
  headersHead(pairs: number): Buffer;
  bodyHead: Buffer;
  text(bytes: Uint8Array): Buffer;
}

const compact: Writer = {
  begin: (name, serial) => Buffer.concat([Buffer.of(0x82, 0x21), varint(serial), compact.text(Buffer.from(name))]),
  parameter(structs) {
    if (structs === undefined) return Buffer.of(0x1c);
    return structs < 15
      ? Buffer.of(0x19, (structs << 4) | 0x0c)
      : Buffer.concat([Buffer.of(0x19, 0xfc), varint(structs)]);
  },
  headersHead: (pairs) =>
    pairs === 0 ? Buffer.of(0x1b, 0) : Buffer.concat([Buffer.of(0x1b), varint(pairs), Buffer.of(0x88)]),
  bodyHead: Buffer.of(0x18),
  text: (bytes) => Buffer.concat([varint(bytes.length), bytes]),
};

const binary: Writer = {
  begin: (name, serial) => Buffer.concat([Buffer.of(0x80, 1, 0, 1), binary.text(Buffer.from(name)), int32(serial)]),
  parameter: (structs) =>
    structs === undefined ? Buffer.of(12, 0, 1) : Buffer.concat([Buffer.of(15, 0, 1, 12), int32(structs)]),
  headersHead: (pairs) => Buffer.concat([Buffer.of(13, 0, 1, 11, 11), int32(pairs)]),
  bodyHead: Buffer.of(11, 0, 2),
  text: (bytes) => Buffer.concat([int32(bytes.length), bytes]),
};

const writers = { compact, binary };

function struct(writer: Writer, { headers, body }: WireEvent): Buffer {
  const pairs = Object.entries(headers);
  return Buffer.concat([
    writer.headersHead(pairs.length),
    ...pairs.flat().map((word) => writer.text(Buffer.from(word))),
    writer.bodyHead,
    writer.text(body),
    Buffer.of(0),
  ]);
}

/** Bytes as one frame. */
export const frame = (bytes: Uint8Array) => Buffer.concat([int32(bytes.length), bytes]);

/** A call of a method, in its frame: `append` of an event, or anything else of a list of events. */
export function thriftCall(protocol: ThriftProtocol, name: string, events: readonly WireEvent[], serial = 1): Buffer {
  const writer = writers[protocol];
  return frame(
    Buffer.concat([
      writer.begin(name, serial),
      writer.parameter(name === 'append' ? undefined : events.length),
      ...events.map((event) => struct(writer, event)),
      Buffer.of(0),
    ]),
  );
}

/** A call of the binary protocol as it was before it had versions. */
export function unversionedCall(name: string, events: readonly WireEvent[]): Buffer {
  const versioned = thriftCall('binary', name, events).subarray(4);
  const parameters = versioned.subarray(binary.begin(name, 1).length);
  return frame(Buffer.concat([binary.text(Buffer.from(name)), Buffer.of(1), int32(1), parameters]));
}

/** A connection to a Thrift source, whose messages are the content of frames. */
export const connectThrift = (port: number) =>
  FramedSocket.connect<Buffer>(port, (received) => {
    if (received.length < 4) return undefined;
    const end = 4 + received.readInt32BE(0);
    return received.length < end ? undefined : { message: received.subarray(4, end), bytes: end };
  });

/** The answers `OK` and `FAILED` to a call of this name with the serial 1, as they stand in a frame. */
export function thriftStatus(protocol: ThriftProtocol, name: string, status: 'OK' | 'FAILED'): Buffer {
  const text = writers[protocol].text(Buffer.from(name));
  const value = status === 'OK' ? 0 : 1;
  return protocol === 'compact'
    ? Buffer.concat([Buffer.of(0x82, 0x41, 1), text, Buffer.of(5, 0, value * 2, 0)])
    : Buffer.concat([Buffer.of(0x80, 1, 0, 2), text, int32(1), Buffer.of(8, 0, 0), int32(value), Buffer.of(0)]);
}
