type Iconv = typeof import('iconv-lite');

/** Reads and answers one connection. */
export interface Conversation {
  /** What a client sent, as UTF-8. Keeps the beginning of a character that is cut between two pieces. */
  decode(data: Buffer): Buffer;
  /** An answer as the client reads it. */
  encode(answer: string): string | Buffer;
}

const UTF_8: Conversation = { decode: (data) => data, encode: (answer) => answer };

/** Turns what clients send into UTF-8, and answers into what they read. */
export class Charset {
  readonly #converse: () => Conversation;

  private constructor(converse: () => Conversation) {
    this.#converse = converse;
  }

  /** The character set of a name that Java knows. Throws when there is none. */
  static async named(name: string): Promise<Charset> {
    if (/^utf-?8$/i.test(name)) return new Charset(() => UTF_8);
    const { default: iconv } = await import('iconv-lite');
    if (/^utf[-_]?16$/i.test(name)) return new Charset(() => utf16(iconv));
    if (!iconv.encodingExists(name)) {
      throw new Error(`There is no character set "${name}": set encoding to one such as utf-8, iso-8859-1 or gbk.`);
    }
    return new Charset(() => ({ decode: decoder(iconv, name), encode: (answer) => iconv.encode(answer, name) }));
  }

  /** For a new connection. */
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
