import avro from 'avsc';
import { FramedSocket } from './framed-socket.ts';

/**
 * Flume's Avro protocol, written down a second time with a library, so that nothing is tested with itself.
 *
 *   message  = int32 serial · int32 n · n × (int32 length · bytes)
 *   request  = [handshake] · metadata (00) · name · parameters
 *   reply    = [handshake] · metadata (00) · error flag · result, or error
 */

/** What the wire says of an event. */
export interface WireEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const MD5_BYTES = 16;
/** The hash that Flume 1.11 sends. */
export const FLUME_HASH = Buffer.from('86aadae2c45474c0fe93ffd0f2350a65', 'hex');
/** A hash that nobody has. */
export const UNKNOWN_HASH = Buffer.alloc(MD5_BYTES, 7);

const status: avro.Schema = { type: 'enum', name: 'Status', symbols: ['OK', 'FAILED', 'UNKNOWN'] };
const flumeEvent: avro.Schema = {
  type: 'record',
  name: 'AvroFlumeEvent',
  fields: [
    { name: 'headers', type: { type: 'map', values: 'string' } },
    { name: 'body', type: 'bytes' },
  ],
};

/** The protocol as another client may write it: without documentation, in another order. */
export const otherProtocol = JSON.stringify({
  namespace: 'org.apache.flume.source.avro',
  protocol: 'AvroSourceProtocol',
  messages: {
    appendBatch: {
      request: [{ name: 'events', type: { type: 'array', items: 'AvroFlumeEvent' } }],
      response: 'Status',
    },
    append: { request: [{ name: 'event', type: 'AvroFlumeEvent' }], response: 'Status' },
  },
  types: [flumeEvent, status],
});

const eventType = avro.Type.forSchema(flumeEvent);
const eventsType = avro.Type.forSchema({ type: 'array', items: { ...flumeEvent } });
const nameType = avro.Type.forSchema('string');
const statusType = avro.Type.forSchema(status);
const hash = { type: 'fixed', size: MD5_BYTES } as const;
const metaField = { name: 'meta', type: ['null', { type: 'map', values: 'bytes' }] };
const handshakeRequest = avro.Type.forSchema({
  type: 'record',
  name: 'HandshakeRequest',
  fields: [
    { name: 'clientHash', type: { ...hash, name: 'ClientHash' } },
    { name: 'clientProtocol', type: ['null', 'string'] },
    { name: 'serverHash', type: { ...hash, name: 'ServerHash' } },
    metaField,
  ],
} as avro.Schema);
const handshakeResponse = avro.Type.forSchema({
  type: 'record',
  name: 'HandshakeResponse',
  fields: [
    { name: 'match', type: { type: 'enum', name: 'Match', symbols: ['BOTH', 'CLIENT', 'NONE'] } },
    { name: 'serverProtocol', type: ['null', 'string'] },
    { name: 'serverHash', type: ['null', { ...hash, name: 'Hash' }] },
    metaField,
  ],
} as avro.Schema);

export interface Handshake {
  readonly clientHash?: Buffer;
  readonly clientProtocol?: string;
  readonly serverHash?: Buffer;
}

/** The handshake of Flume's clients, if it says nothing else. */
export function handshake({ clientHash = FLUME_HASH, clientProtocol, serverHash = FLUME_HASH }: Handshake = {}) {
  return handshakeRequest.toBuffer({ clientHash, clientProtocol: clientProtocol ?? null, serverHash, meta: null });
}

/** A message of so many buffers. */
export function message(serial: number, stream: Uint8Array, buffers = 1): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(serial, 0);
  head.writeInt32BE(buffers, 4);
  const pieces: Uint8Array[] = [head];
  for (let number = 0; number < buffers; number += 1) {
    const [from, to] = [number, number + 1].map((at) => Math.floor((stream.length * at) / buffers)) as [number, number];
    const length = Buffer.alloc(4);
    length.writeInt32BE(to - from);
    pieces.push(length, stream.subarray(from, to));
  }
  return Buffer.concat(pieces);
}

/** A call without its framing, with parameters that are encoded already. */
export function call(name: string, parameters: Uint8Array, head: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([head, Buffer.of(0), nameType.toBuffer(name), parameters]);
}

export const append = (event: WireEvent, head?: Uint8Array) => call('append', eventType.toBuffer(event), head);
export const appendBatch = (events: readonly WireEvent[], head?: Uint8Array) =>
  call('appendBatch', eventsType.toBuffer(events), head);

/** Events with these bodies and without headers. */
export const eventsOf = (...bodies: readonly string[]): WireEvent[] =>
  bodies.map((body) => ({ headers: {}, body: Buffer.from(body) }));

export interface Reply {
  readonly serial: number;
  readonly stream: Buffer;
}

/** A connection to an Avro source. */
export const connectAvro = (port: number) =>
  FramedSocket.connect<Reply>(port, (received) => {
    if (received.length < 8) return undefined;
    let at = 8;
    const buffers: Buffer[] = [];
    for (let left = received.readInt32BE(4); left > 0; left -= 1) {
      if (received.length < at + 4) return undefined;
      const end = at + 4 + received.readInt32BE(at);
      if (received.length < end) return undefined;
      buffers.push(received.subarray(at + 4, end));
      at = end;
    }
    return { message: { serial: received.readInt32BE(0), stream: Buffer.concat(buffers) }, bytes: at };
  });

export interface Answer {
  readonly match?: 'BOTH' | 'CLIENT' | 'NONE';
  readonly serverProtocol?: string | undefined;
  readonly serverHash?: string | undefined;
  /** Of the call, where there is one: the status, or the error. */
  readonly result?: string;
}

/** What a reply says. */
export function read({ stream }: Reply, { handshakes }: { readonly handshakes: boolean }): Answer {
  let offset = 0;
  let head: Answer = {};
  if (handshakes) {
    const shake = handshakeResponse.decode(stream);
    offset = shake.offset;
    const { match, serverProtocol, serverHash } = shake.value;
    head = { match, serverProtocol: serverProtocol ?? undefined, serverHash: serverHash?.toString('hex') };
  }
  if (offset === stream.length) return head;
  const [metadata, isError] = stream.subarray(offset);
  if (metadata !== 0) throw new Error(`A reply with metadata: ${stream.toString('hex')}`);
  const rest = stream.subarray(offset + 2);
  if (isError === 0) return { ...head, result: statusType.fromBuffer(rest) };
  // The union of errors has strings only.
  return { ...head, result: `error: ${nameType.fromBuffer(rest.subarray(1))}` };
}

/** Sends calls over a connection of its own, one after the other, and says what was answered to each. */
export async function talk(port: number, calls: readonly Uint8Array[]): Promise<(string | undefined)[]> {
  const client = await connectAvro(port);
  const answers = await talkOver(client, calls);
  await client.close();
  return answers;
}

/** The same over a new connection, which stays. */
export async function talkOver(
  client: Awaited<ReturnType<typeof connectAvro>>,
  calls: readonly Uint8Array[],
): Promise<(string | undefined)[]> {
  const answers: (string | undefined)[] = [];
  for (const [serial, stream] of calls.entries()) {
    const head = serial === 0 ? handshake() : Buffer.alloc(0);
    const reply = await client.ask(message(serial, Buffer.concat([head, stream])));
    answers.push(reply && read(reply, { handshakes: serial === 0 }).result);
  }
  return answers;
}
