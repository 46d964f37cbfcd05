import { outcomeOf, type Reply } from './codec.ts';

/** Thrift's ways to write a message. */
export type Encoding = 'compact' | 'binary';

/** What a message is. */
export const KIND = { call: 1, reply: 2, exception: 3 };

const STATUS = ['OK', 'FAILED', 'ERROR', 'UNKNOWN'];

/** What the content of a frame says. Throws what is wrong with it. */
export function replyIn(frame: Buffer, encoding: Encoding): Reply {
  const reader = encoding === 'compact' ? new CompactReader(frame) : new BinaryReader(frame);
  const { kind, serial } = reader.head();
  if (kind !== KIND.reply && kind !== KIND.exception) throw new Error(`there is no reply of kind ${kind}`);
  let outcome = 'an exception';
  for (let field = reader.field(); field !== undefined; field = reader.field()) {
    if (field === 'text') outcome = reader.text();
    else {
      const number = reader.int();
      // The number of an exception is its type, which its text says better.
      if (kind === KIND.reply) outcome = outcomeOf(STATUS, number);
    }
  }
  return { serial, outcome };
}

/** Reads the values of a message one after the other. Throws `RangeError` behind the end. */
abstract class Reader {
  readonly #from: Buffer;
  #at = 0;

  constructor(from: Buffer) {
    this.#from = from;
  }

  abstract head(): { readonly kind: number; readonly serial: number };
  /** What the next field holds; undefined behind the last. */
  abstract field(): 'int' | 'text' | undefined;
  abstract int(): number;
  abstract text(): string;

  protected bytes(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#from.length) throw new RangeError(`${length} bytes are announced and not there`);
    const bytes = this.#from.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

class CompactReader extends Reader {
  head() {
    if (this.#byte() !== 0x82) throw new Error('it is no message of the compact protocol');
    const kind = this.#byte() >> 5;
    const serial = this.#unsigned();
    this.text();
    return { kind, serial };
  }

  field() {
    const head = this.#byte();
    // A field whose number is not a little more than that of the one before has it behind its type.
    if (head !== 0 && head >> 4 === 0) this.int();
    return contentOf(head & 0x0f, { end: 0, int: 5, text: 8 });
  }

  int() {
    const value = this.#unsigned();
    return (value >>> 1) ^ -(value & 1);
  }

  text() {
    return this.bytes(this.#unsigned()).toString();
  }

  #byte(): number {
    return this.bytes(1)[0]!;
  }

  #unsigned(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
}

class BinaryReader extends Reader {
  head() {
    const [version, , kind] = [this.bytes(2).readUInt16BE(), this.bytes(1), this.bytes(1)[0]!];
    if (version !== 0x8001) throw new Error('it is no message of the binary protocol');
    this.text();
    return { kind, serial: this.int() >>> 0 };
  }

  field() {
    const type = this.bytes(1)[0]!;
    if (type !== 0) this.bytes(2);
    return contentOf(type, { end: 0, int: 8, text: 11 });
  }

  int() {
    return this.bytes(4).readInt32BE();
  }

  text() {
    return this.bytes(this.int()).toString();
  }
}

function contentOf(type: number, known: { readonly end: number; readonly int: number; readonly text: number }) {
  if (type === known.end) return undefined;
  if (type === known.int) return 'int';
  if (type === known.text) return 'text';
  throw new Error(`there is a field of type ${type}`);
}
