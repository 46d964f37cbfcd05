import type { WireRequest } from '@millrace/channel-native';
import type { Answers } from './answers.ts';
import { int32, varint } from './bytes.ts';

const REPLY = 2;
const EXCEPTION = 3;
const UNKNOWN_METHOD = 1;
const INTERNAL_ERROR = 6;
const NOTHING = Buffer.alloc(0);

/** One of Thrift's two ways to write messages. */
interface Protocol {
  /** Results of a call, as structs: a status in field 0. */
  readonly ok: Buffer;
  readonly failed: Buffer;
  message(type: number, serial: number, name: string, struct: Buffer): Buffer;
  /** A struct with a text in field 1 and a kind in field 2. */
  exception(text: string, kind: number): Buffer;
}

const compact: Protocol = {
  ok: Buffer.of(0x05, 0, 0, 0),
  failed: Buffer.of(0x05, 0, 2, 0),
  message: (type, serial, name, struct) =>
    Buffer.concat([Buffer.of(0x82, (type << 5) | 1), varint(serial), sizedByVarint(name), struct]),
  exception: (text, kind) => Buffer.concat([Buffer.of(0x18), sizedByVarint(text), Buffer.of(0x15, kind * 2, 0)]),
};

const binary: Protocol = {
  ok: Buffer.of(0x08, 0, 0, 0, 0, 0, 0, 0),
  failed: Buffer.of(0x08, 0, 0, 0, 0, 0, 1, 0),
  message: (type, serial, name, struct) =>
    Buffer.concat([Buffer.of(0x80, 0x01, 0, type), sizedByInt32(name), int32(serial), struct]),
  exception: (text, kind) =>
    Buffer.concat([Buffer.of(0x0b, 0, 1), sizedByInt32(text), Buffer.of(0x08, 0, 2, 0, 0, 0, kind, 0)]),
};

/** Answers in framed Thrift. */
class ThriftAnswers implements Answers {
  readonly #protocol: Protocol;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  atOnce(request: WireRequest): Buffer | undefined {
    if (request.call !== 'other') return undefined;
    return this.#exception(request, `Invalid method name: '${request.name}'`, UNKNOWN_METHOD);
  }

  ok(request: WireRequest): Buffer {
    return this.#frame(REPLY, request, this.#protocol.ok);
  }

  failed(request: WireRequest): Buffer {
    return this.#frame(REPLY, request, this.#protocol.failed);
  }

  error(request: WireRequest, message: string): Buffer {
    return this.#exception(request, `Internal error processing ${methodOf(request)}: ${message}`, INTERNAL_ERROR);
  }

  #exception(request: WireRequest, text: string, kind: number): Buffer {
    return this.#frame(EXCEPTION, request, this.#protocol.exception(text, kind));
  }

  #frame(type: number, request: WireRequest, struct: Buffer): Buffer {
    if (request.oneway) return NOTHING;
    const message = this.#protocol.message(type, request.serial, methodOf(request), struct);
    return Buffer.concat([int32(message.length), message]);
  }
}

/** Answers in the compact and in the binary protocol. */
export const compactAnswers: Answers = new ThriftAnswers(compact);
export const binaryAnswers: Answers = new ThriftAnswers(binary);

function methodOf({ call, name }: WireRequest): string {
  return call === 'other' ? name : call;
}

function sizedByVarint(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(bytes.length), bytes]);
}

function sizedByInt32(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int32(bytes.length), bytes]);
}
