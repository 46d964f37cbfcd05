/** Turns what clients send into UTF-8, and answers into what they read. */
export class Charset {
  readonly #iconv: typeof import('iconv-lite') | undefined;
  readonly #name: string;

  private constructor(name: string, iconv?: typeof import('iconv-lite')) {
    this.#name = name;
    this.#iconv = iconv;
  }

  /** The character set of a name that Java knows. Throws when there is none. */
  static async named(name: string): Promise<Charset> {
    if (/^utf-?8$/i.test(name)) return new Charset(name);
    const { default: iconv } = await import('iconv-lite');
    if (!iconv.encodingExists(name)) {
      throw new Error(`There is no character set "${name}": set encoding to one such as utf-8, iso-8859-1 or gbk.`);
    }
    return new Charset(name, iconv);
  }

  /** A decoder for one connection: keeps the beginning of a character that is cut between two pieces. UTF-8 passes as it is. */
  decoder(): (data: Buffer) => Buffer {
    const decoder = this.#iconv?.getDecoder(this.#name);
    return decoder === undefined ? (data) => data : (data) => Buffer.from(decoder.write(data));
  }

  /** An answer as the client reads it. */
  encode(answer: string): string | Buffer {
    return this.#iconv?.encode(answer, this.#name) ?? answer;
  }
}
