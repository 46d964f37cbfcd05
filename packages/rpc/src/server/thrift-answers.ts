import type { AnswerParts, WireRequest } from '@millrace/channel-native';
import type { Answers } from './answers.ts';
import { int32, varint, writeVarint } from './bytes.ts';

const REPLY = 2;
const EXCEPTION = 3;
const UNKNOWN_METHOD = 1;
const INTERNAL_ERROR = 6;
const SERIAL_BYTES_MAX = 5;
const NOTHING = Buffer.alloc(0);

/** A message without its serial: what stands before that, and what behind it. */
type Template = readonly [before: Buffer, behind: Buffer];

/** One of Thrift's two ways to write messages. */
interface Protocol {
  /** Results of a call, as structs: a status in field 0. */
  readonly ok: Buffer;
  readonly failed: Buffer;
  /** A struct with a text in field 1 and a kind in field 2. */
  exception(text: string, kind: number): Buffer;
  template(type: number, method: string, struct: Buffer): Template;
  /** Returns where the serial ends. */
  writeSerial(into: Buffer, at: number, serial: number): number;
}

const compact: Protocol = {
  ok: Buffer.of(0x05, 0, 0, 0),
  failed: Buffer.of(0x05, 0, 2, 0),
  exception: (text, kind) => Buffer.concat([Buffer.of(0x18), sizedByVarint(text), Buffer.of(0x15, kind * 2, 0)]),
  template: (type, method, struct) => [
    Buffer.of(0x82, (type << 5) | 1),
    Buffer.concat([sizedByVarint(method), struct]),
  ],
  writeSerial: writeVarint,
};

const binary: Protocol = {
  ok: Buffer.of(0x08, 0, 0, 0, 0, 0, 0, 0),
  failed: Buffer.of(0x08, 0, 0, 0, 0, 0, 1, 0),
  exception: (text, kind) =>
    Buffer.concat([Buffer.of(0x0b, 0, 1), sizedByInt32(text), Buffer.of(0x08, 0, 2, 0, 0, 0, kind, 0)]),
  template: (type, method, struct) => [Buffer.concat([Buffer.of(0x80, 0x01, 0, type), sizedByInt32(method)]), struct],
  writeSerial: (into, at, serial) => into.writeUInt32BE(serial, at),
};

/** Answers in framed Thrift. */
class ThriftAnswers implements Answers {
  readonly plain = true;
  readonly #protocol: Protocol;
  readonly #ok: Record<string, Template>;
  readonly #failed: Record<string, Template>;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
    const replies = (struct: Buffer) => ({
      append: protocol.template(REPLY, 'append', struct),
      appendBatch: protocol.template(REPLY, 'appendBatch', struct),
    });
    this.#ok = replies(protocol.ok);
    this.#failed = replies(protocol.failed);
  }

  atOnce(request: WireRequest): Buffer | undefined {
    if (request.call !== 'other') return undefined;
    return this.#exception(request, request.name, `Invalid method name: '${request.name}'`, UNKNOWN_METHOD);
  }

  ok(request: WireRequest): Buffer {
    return this.#frame(request, this.#ok[request.call]!);
  }

  /** What all answers of a kind that say OK are made of. */
  okParts(call: 'append' | 'appendBatch'): AnswerParts {
    return this.#ok[call]!;
  }

  failed(request: WireRequest): Buffer {
    return this.#frame(request, this.#failed[request.call]!);
  }

  error(request: WireRequest, message: string): Buffer {
    const text = `Internal error processing ${request.call}: ${message}`;
    return this.#exception(request, request.call, text, INTERNAL_ERROR);
  }

  #exception(request: WireRequest, method: string, text: string, kind: number): Buffer {
    return this.#frame(request, this.#protocol.template(EXCEPTION, method, this.#protocol.exception(text, kind)));
  }

  #frame({ serial, oneway }: WireRequest, [before, behind]: Template): Buffer {
    if (oneway) return NOTHING;
    const frame = Buffer.allocUnsafe(4 + before.length + SERIAL_BYTES_MAX + behind.length);
    let end = 4 + before.copy(frame, 4);
    end = this.#protocol.writeSerial(frame, end, serial);
    end += behind.copy(frame, end);
    frame.writeUInt32BE(end - 4);
    return frame.subarray(0, end);
  }
}

/** Answers in the compact and in the binary protocol. */
export const compactAnswers = new ThriftAnswers(compact);
export const binaryAnswers = new ThriftAnswers(binary);

function sizedByVarint(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([varint(bytes.length), bytes]);
}

function sizedByInt32(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int32(bytes.length), bytes]);
}
