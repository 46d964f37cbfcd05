/** Reads one value: yields how many bytes it wants next, at least one, and is given exactly those. */
export type Parser<Value> = Generator<number, Value, Buffer>;

/** Pieces that are kept before they are joined: each costs more than the byte that may be in it. */
const PIECES_MAX = 1_000;

/** Feeds parsers, one after the other, with bytes that come in pieces. */
export class ByteFeed<Value> {
  readonly #parse: () => Parser<Value>;
  readonly #onValue: (value: Value) => void;
  #parser: Parser<Value> | undefined;
  #wanted = 0;
  #pieces: Buffer[] = [];
  #held = 0;

  /** `parse` begins a value and may throw what is wrong with the bytes; `onValue` is given each as it is whole. */
  constructor(parse: () => Parser<Value>, onValue: (value: Value) => void) {
    this.#parse = parse;
    this.#onValue = onValue;
  }

  /** Takes the next piece. Throws what the parser throws. */
  push(piece: Buffer): void {
    if (this.#pieces.push(piece) > PIECES_MAX) this.#pieces = [Buffer.concat(this.#pieces)];
    this.#held += piece.length;
    if (this.#parser === undefined) this.#begin();
    while (this.#held >= this.#wanted) {
      const { done, value } = this.#parser!.next(this.#take(this.#wanted));
      if (!done) {
        this.#wanted = value;
        continue;
      }
      this.#begin();
      this.#onValue(value);
    }
  }

  #begin(): void {
    this.#parser = this.#parse();
    this.#wanted = this.#parser.next().value as number;
  }

  #take(length: number): Buffer {
    const [first] = this.#pieces;
    if (this.#pieces.length > 1 && first!.length < length) this.#pieces = [Buffer.concat(this.#pieces)];
    const bytes = this.#pieces[0]!.subarray(0, length);
    if (bytes.length === this.#pieces[0]!.length) this.#pieces.shift();
    else this.#pieces[0] = this.#pieces[0]!.subarray(length);
    this.#held -= length;
    return bytes;
  }
}
