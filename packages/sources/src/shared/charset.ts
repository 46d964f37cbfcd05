type Iconv = typeof import('iconv-lite');

/** Reads one text, and writes what is to be read as it. */
export interface Conversation {
  /** What was sent, as UTF-8. Keeps the beginning of a character that is cut between two pieces. */
  decode(data: Buffer): Buffer;
  /** An answer, as who reads this text reads it. */
  encode(answer: string): string | Buffer;
}

const utf8 = (): Conversation => ({ decode: (data) => data, encode: (answer) => answer });

/** Character sets that have every character. */
const UNICODE = /^(utf|ucs|gb-?18030)/i;

/** Turns text in a character set into UTF-8, and back. */
export class Charset {
  readonly #converse: () => Conversation;

  private constructor(converse: () => Conversation) {
    this.#converse = converse;
  }

  /** The character set of a name that Java knows, which is the value of a property. Throws when there is none. */
  static async named(name: string, property: string): Promise<Charset> {
    if (/^utf-?8$/i.test(name)) return new Charset(utf8);
    const { default: iconv } = await import('iconv-lite');
    if (/^utf[-_]?16$/i.test(name)) return new Charset(() => utf16(iconv));
    if (!iconv.encodingExists(name)) {
      throw new Error(`There is no character set "${name}": set ${property} to one such as utf-8, iso-8859-1 or gbk.`);
    }
    // What has no place in it is a question mark for Java too; iconv-lite would take some other character for U+FFFD.
    const fits = UNICODE.test(name) ? (text: string) => text : (text: string) => text.replaceAll('\ufffd', '?');
    return new Charset(() => ({ decode: decoder(iconv, name), encode: (answer) => iconv.encode(fits(answer), name) }));
  }

  /** Whether text in it is UTF-8 as it is. */
  get isUtf8(): boolean {
    return this.#converse === utf8;
  }

  /** For a new text. */
  conversation(): Conversation {
    return this.#converse();
  }
}

function decoder(iconv: Iconv, name: string): Conversation['decode'] {
  const decoding = iconv.getDecoder(name);
  let half = '';
  return (data) => {
    const text = half + decoding.write(data);
    // The first half of a pair means nothing in UTF-8 before the second has come.
    half = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : '';
    return Buffer.from(half === '' ? text : text.slice(0, -1));
  };
}

/** As Java has it: big-endian unless the text begins with a mark that says otherwise; answers begin with a mark, once. */
function utf16(iconv: Iconv): Conversation {
  let first = Buffer.alloc(0);
  let decode: Conversation['decode'] | undefined;
  let mark = '\ufeff';
  return {
    decode(data) {
      if (decode !== undefined) return decode(data);
      first = Buffer.concat([first, data]);
      if (first.length < 2) return Buffer.alloc(0);
      decode = decoder(iconv, first.readUInt16BE() === 0xfffe ? 'utf-16le' : 'utf-16be');
      return decode(first);
    },
    encode(answer) {
      const text = mark + answer;
      mark = '';
      return iconv.encode(text, 'utf-16be');
    },
  };
}
