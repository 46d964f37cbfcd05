import { MillraceError } from '../errors.ts';

/** Between bytes and messages. */
export interface Codec {
  /** A message with its length before it, ready to be sent. */
  encode(message: object): Buffer;
  /** The message of a frame. Throws `MR_CONTROL` when it is none. */
  decode(frame: Buffer): unknown;
}

/** Loads the library that knows MessagePack. That costs 10 ms and 7 MB, so it waits until somebody connects. */
export async function loadCodec(): Promise<Codec> {
  const { Packr } = await import('msgpackr/pack');
  const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
  return {
    encode(message) {
      const payload = packr.pack(message);
      const frame = Buffer.allocUnsafeSlow(4 + payload.length);
      frame.writeUInt32BE(payload.length);
      frame.set(payload, 4);
      return frame;
    },
    decode(frame) {
      assertPlain(frame);
      try {
        return packr.unpack(frame);
      } catch (cause) {
        throw new MillraceError('MR_CONTROL', 'A frame is no MessagePack.', { cause });
      }
    },
  };
}

/**
 * Cuts what arrives into frames:
 *
 *     ├ length: u32, big-endian ┼ MessagePack ┤
 */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #head = Buffer.alloc(4);
  #body: Buffer | undefined;
  #filled = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The frames that a piece completes, however it is cut. Throws `MR_CONTROL` for a length that no frame has. */
  *read(piece: Buffer): Generator<Buffer> {
    for (let rest = piece; rest.length > 0; ) {
      const part = this.#body ?? this.#head;
      const copied = rest.copy(part, this.#filled);
      rest = rest.subarray(copied);
      this.#filled += copied;
      if (this.#filled < part.length) return;

      this.#filled = 0;
      if (this.#body !== undefined) {
        yield this.#body;
        this.#body = undefined;
      } else this.#body = Buffer.allocUnsafeSlow(this.#length());
    }
  }

  #length(): number {
    const length = this.#head.readUInt32BE();
    if (length >= 1 && length <= this.#bytesMax) return length;
    throw new MillraceError(
      'MR_CONTROL',
      `A frame says that it has ${length} bytes, and must have between 1 and ${this.#bytesMax}.`,
    );
  }
}

const NOT_PLAIN = 9;
/**
 * What follows a first byte from 0xc0 on: so many bytes of content, or, when negative, so many bytes of the content's length.
 * In order: nil, unused, false, true, 3 of bytes, 3 extensions, 2 floats, 8 integers, 5 extensions, 3 of texts.
 */
const contentOf = [0, 9, 0, 0, -1, -2, -4, 9, 9, 9, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 9, 9, 9, 9, 9, -1, -2, -4];

/**
 * Makes sure that a frame is whole, holds one value, and holds none of MessagePack's extensions. A decoder believes a list of five bytes that
 * says it has a million entries, and makes room for them.
 */
function assertPlain(frame: Buffer): void {
  const refuse = (): never => {
    throw new MillraceError('MR_CONTROL', 'A frame is no MessagePack, or holds more than plain data.');
  };
  let at = 0;
  const number = (bytes: number): number => {
    at += bytes; // beyond the end, too, when a frame promises more values than it has bytes
    return at > frame.length ? refuse() : frame.readUIntBE(at - bytes, bytes);
  };

  for (let expected = 1; expected > 0; expected -= 1) {
    const first = number(1);
    if (first <= 0x7f || first >= 0xe0) continue; // a small integer
    if (first <= 0x8f) expected += (first & 0x0f) * 2;
    else if (first <= 0x9f) expected += first & 0x0f;
    else if (first <= 0xbf) at += first & 0x1f;
    else if (first >= 0xdc) expected += number(first & 1 ? 4 : 2) * (first >= 0xde ? 2 : 1);
    else {
      const content = contentOf[first - 0xc0]!;
      if (content === NOT_PLAIN) refuse();
      const length = content < 0 ? number(-content) : content;
      at += length; // apart, because reading the length moves `at` too
    }
  }
  if (at !== frame.length) refuse();
}
