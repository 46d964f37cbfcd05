/** Makes a regular expression of Java one of JavaScript. Throws what is wrong with it, as the rest of a sentence that begins with its name. */
export function javaPattern(pattern: string): RegExp {
  return compiled(new Translation(pattern).translated());
}

/** As {@link javaPattern}, of one that must match the whole of a text. */
export function wholeJavaPattern(pattern: string): RegExp {
  return compiled(`${START}(?:${new Translation(pattern).translated()})${END}`);
}

function compiled(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch {
    throw new Error('must be a regular expression of Java, and this one cannot be read');
  }
}

/** The ends of the text, whatever flags say. */
const START = '(?<![^])';
const END = '(?![^])';
const LINE_ENDS = '\\n\\r\\u0085\\u2028\\u2029';
const LAST_LINE_END = `(?=(?:\\r\\n|[${LINE_ENDS}])?${END})`;
const BLANKS = '\\t\\n\\v\\f\\r ';

/** What POSIX names: ASCII in Java. */
const posix: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\0-\\x7f',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: '0-9a-zA-Z',
  Punct: '!-\\/:-@\\[-`\\{-~',
  Graph: '!-~',
  Print: ' -~',
  Blank: '\\t ',
  Cntrl: '\\0-\\x1f\\x7f',
  XDigit: '0-9a-fA-F',
  Space: BLANKS,
};

/** Escapes that stand for one character. */
const controls: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f', a: '\x07', e: '\x1b' };
/** Escapes that stand for a place. */
const places: Readonly<Record<string, string>> = { A: START, z: END, Z: LAST_LINE_END, b: '\\b', B: '\\B' };

/** One part of a character class: a character, or the inside of another class. */
type Part = { readonly character: string } | { readonly set: string };

/**
 * Reads a pattern from left to right. Groups become such as capture nothing, since nobody asks what they hold. `(?i)` is ASCII's, as in
 * Java, so letters are written out in both cases. What only Java knows is refused.
 */
class Translation {
  readonly #characters: readonly string[];
  #at = 0;
  #anyCase = false;
  #dotAll = false;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  translated(): string {
    this.#flags();
    let source = '';
    while (this.#at < this.#characters.length) source += this.#next();
    return source;
  }

  #peek(text: string): boolean {
    return Array.from(text).every((character, at) => this.#characters[this.#at + at] === character);
  }

  #take(text: string): boolean {
    const there = this.#peek(text);
    if (there) this.#at += text.length;
    return there;
  }

  #refuse(what: string): never {
    throw new Error(`must do without ${what}, which this Millrace does not know`);
  }

  /** `(?i)` and the like, which are known in front of everything else. */
  #flags(): void {
    const [written, flags] = /^\(\?([is]+)\)/.exec(this.#characters.slice(0, 6).join('')) ?? [];
    if (written === undefined) return;
    this.#anyCase = flags!.includes('i');
    this.#dotAll = flags!.includes('s');
    this.#at = written.length;
  }

  #next(): string {
    const character = this.#characters[this.#at++]!;
    switch (character) {
      case '\\':
        return this.#escape();
      case '[':
        return this.#class();
      case '(':
        return this.#group();
      case '.':
        return this.#dotAll ? '[^]' : `[^${LINE_ENDS}]`;
      case '$':
        return LAST_LINE_END;
      case '*':
      case '+':
      case '?':
        return this.#quantifier(character);
      case '{':
        return this.#quantifier(this.#counted());
      case '^':
      case '|':
      case ')':
        return character;
      default:
        return this.#literal(character);
    }
  }

  #quantifier(quantifier: string): string {
    if (this.#peek('+')) this.#refuse(`the possessive quantifier "${quantifier}+"`);
    return this.#take('?') ? `${quantifier}?` : quantifier;
  }

  #counted(): string {
    const end = this.#characters.indexOf('}', this.#at);
    const inside = this.#characters.slice(this.#at, end + 1).join('');
    this.#at += inside.length;
    return `{${inside}`;
  }

  #group(): string {
    if (!this.#take('?')) return '(?:';
    for (const kind of [':', '=', '!', '<=', '<!']) if (this.#take(kind)) return `(?${kind}`;
    const named = this.#peek('<') ? this.#characters.indexOf('>', this.#at) : -1;
    if (named < 0) this.#refuse(`"(?${this.#characters[this.#at] ?? ''}"`);
    this.#at = named + 1;
    return '(?:';
  }

  #escape(): string {
    const place = places[this.#characters[this.#at] ?? ''];
    if (place !== undefined) {
      this.#at += 1;
      return place;
    }
    if (this.#take('Q')) return this.#quoted();
    const part = this.#escaped();
    return 'set' in part ? `[${part.set}]` : this.#literal(part.character);
  }

  #quoted(): string {
    let source = '';
    while (this.#at < this.#characters.length && !this.#take('\\E')) {
      source += this.#literal(this.#characters[this.#at++]!);
    }
    return source === '' ? '(?:)' : source;
  }

  /** What stands behind a backslash, in a class or outside. */
  #escaped(): Part {
    const letter = this.#characters[this.#at++] ?? '';
    if (letter === 's') return { set: BLANKS };
    if (letter === 'S') return { set: '\\0-\\x08\\x0e-\\x1f!-\\u{10ffff}' };
    if ('dDwW'.includes(letter) && letter !== '') return { set: `\\${letter}` };
    if (letter === 'p' || letter === 'P') return { set: this.#property(letter === 'P') };
    if (letter === 'x' || letter === 'u') return { character: this.#coded(letter) };
    const control = controls[letter];
    if (control !== undefined) return { character: control };
    if (letter === '' || /[a-zA-Z0-9]/.test(letter)) this.#refuse(`"\\${letter}"`);
    return { character: letter };
  }

  #property(negated: boolean): string {
    const braced = this.#take('{');
    const end = braced ? this.#characters.indexOf('}', this.#at) : this.#at + 1;
    const name = this.#characters.slice(this.#at, end).join('');
    this.#at = end + (braced ? 1 : 0);
    const set = posix[name];
    if (set !== undefined && !negated) return set;
    const category = /^(?:Is)?([A-Z][a-z]?)$/.exec(name)?.[1];
    const known = category ?? (name === 'IsAlphabetic' ? 'Alphabetic' : undefined);
    if (known === undefined) this.#refuse(`"\\${negated ? 'P' : 'p'}{${name}}"`);
    return `\\${negated ? 'P' : 'p'}{${known}}`;
  }

  #coded(letter: 'x' | 'u'): string {
    const rest = this.#characters.slice(this.#at, this.#at + 10).join('');
    const [written, plain, braced] =
      (letter === 'x' ? /^(?:([\da-f]{2})|\{([\da-f]+)\})/i : /^([\da-f]{4})/i).exec(rest) ?? [];
    const code = Number.parseInt(plain ?? braced ?? '', 16);
    if (written === undefined || code > 0x10_ffff) this.#refuse(`"\\${letter}" without a number`);
    this.#at += written.length;
    return String.fromCodePoint(code);
  }

  #class(): string {
    let source = this.#take('^') ? '[^' : '[';
    if (this.#peek(']')) this.#refuse('"]" at the beginning of a class');
    while (!this.#take(']')) {
      const part = this.#part();
      if (!('character' in part)) source += part.set;
      else if (this.#peek('-') && !this.#peek('-]') && !this.#peek('-[')) {
        this.#at += 1;
        const until = this.#part();
        if (!('character' in until)) this.#refuse('a class as the end of a range');
        source += this.#range(part.character, until.character);
      } else source += this.#range(part.character, part.character);
    }
    return `${source}]`;
  }

  #part(): Part {
    const character = this.#characters[this.#at++];
    if (character === undefined)
      throw new Error('must be a regular expression of Java, and in this one a "[" is not closed');
    if (character === '[') this.#refuse('"[" in a class');
    if (character === '&' && this.#peek('&')) this.#refuse('"&&" in a class');
    return character === '\\' ? this.#escaped() : { character };
  }

  /** A range of a class, in both cases if that makes no difference. */
  #range(from: string, to: string): string {
    const range = `${coded(from)}-${coded(to)}`;
    if (!this.#anyCase) return range;
    const [first, last] = [from.codePointAt(0)!, to.codePointAt(0)!];
    const other = (start: number, shift: number) => {
      const [low, high] = [Math.max(first, start), Math.min(last, start + 25)];
      return low > high ? '' : `${String.fromCodePoint(low + shift)}-${String.fromCodePoint(high + shift)}`;
    };
    return `${range}${other(0x41, 0x20)}${other(0x61, -0x20)}`;
  }

  #literal(character: string): string {
    return this.#anyCase && /[a-zA-Z]/.test(character) ? `[${this.#range(character, character)}]` : coded(character);
  }
}

/** A character as it can stand anywhere. */
const coded = (character: string) =>
  /[a-zA-Z0-9]/.test(character) ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`;
