import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseProperties } from './properties.ts';

const parse = (source: string) => parseProperties('f.conf', Buffer.from(source, 'latin1'));
const values = (source: string) =>
  Object.fromEntries([...parse(source).entries].map(([key, { value }]) => [key, value]));
const found = (source: string) =>
  parse(source).diagnostics.map(({ code, place }) => `${code} ${place.line}:${place.column}`);

describe('the grammar', () => {
  test('separates key and value at =, : or a blank, with blanks around it', () => {
    expect(values('a=1\nb:2\nc 3\nd = 4\ne\t:\t5\nf\f6\ng  =  =7\nh==8\ni : :9\nj')).toEqual({
      ...{ a: '1', b: '2', c: '3', d: '4', e: '5', f: '6', g: '=7', h: '=8', i: ':9', j: '' },
    });
  });

  test('ends lines at \\n, \\r and \\r\\n alike', () => {
    expect(values('a=1\nb=2\rc=3\r\nd=4')).toEqual({ a: '1', b: '2', c: '3', d: '4' });
  });

  test('skips blank lines and comments, and blanks before a key', () => {
    expect(values('\n \t\f\n# a=1\n  ! b=2\n \t\fc=3\nd=4 # no comment')).toEqual({ c: '3', d: '4 # no comment' });
  });

  test('never continues a comment', () => {
    expect(values('# a comment \\\nb=2')).toEqual({ b: '2' });
  });

  test('joins a line to the next after an odd number of backslashes', () => {
    expect(values('a=1\\\n   2\\\r\n\t3\nb=1\\\\\nc=1\\\\\\\n2')).toEqual({ a: '123', b: '1\\', c: '1\\2' });
  });

  test('takes a # at the beginning of a continuation as data', () => {
    expect(values('a=1,\\\n  #2\nb=3')).toEqual({ a: '1,#2', b: '3' });
  });

  test('ends a continuation at a blank line and at the end of the file', () => {
    expect(values('a=1\\\n\nb=2\\')).toEqual({ a: '1', b: '2' });
  });

  test('joins keys over lines too', () => {
    expect(values('a.\\\n  b=1')).toEqual({ 'a.b': '1' });
  });

  test('knows the escapes of Java, and takes any other escaped character as itself', () => {
    expect(values('a=x\\ty\\nz\\rq\\fp\\\\\nb=\\q\\"\\d+\nc=\\u00e9\\u20AC')).toEqual({
      ...{ a: 'x\ty\nz\rq\fp\\', b: 'q"d+', c: 'é€' },
    });
  });

  test('lets escaped separators be part of a key', () => {
    expect(values('a\\=b\\:c\\ d=1\n\\#e=2')).toEqual({ 'a=b:c d': '1', '#e': '2' });
  });

  test('reads every byte as ISO-8859-1', () => {
    expect(parseProperties('f', Uint8Array.of(0x61, 0x3d, 0xe9, 0xff, 0x80)).entries.get('a')?.value).toBe('éÿ\x80');
  });

  test('trims key and value as Java does, after unescaping', () => {
    expect(values('a\\ = \\t1\\n \nb=2 \t\nc=\xa03\xa0')).toEqual({ a: '1', b: '2', c: '\xa03\xa0' });
  });

  test('lets the last of equal keys win', () => {
    expect(values('a=1\nb=2\na=3')).toEqual({ a: '3', b: '2' });
  });
});

describe('places', () => {
  const places = (source: string) =>
    [...parse(source).entries.values()].map(({ keyPlace: key, valuePlace: value }) => [
      `${key.line}:${key.column}`,
      `${value.line}:${value.column}`,
    ]);

  test('count lines and columns from 1, whatever ends the lines', () => {
    expect(places('a=1\r\n\r\n  bc : 2\r d=3\n#\ne')).toEqual([
      ['1:1', '1:3'],
      ['3:3', '3:8'],
      ['4:2', '4:4'],
      ['6:1', '6:2'],
    ]);
  });

  test('are those of the first line where a value goes on over several', () => {
    expect(places('a = 1 \\\n  2\nb = 3')).toEqual([
      ['1:1', '1:5'],
      ['3:1', '3:5'],
    ]);
  });

  test('are those of the value where it begins on a line of its own', () => {
    expect(places('a = \\\n    1')).toEqual([['1:1', '2:5']]);
  });
});

describe('what is surely not meant', () => {
  test('a malformed \\u escape makes the file unreadable, and says where it is', () => {
    const source = 'a=1\nb=C:\\users\nc=\\\n  x\\u12';
    expect(parse(source).readable).toBe(false);
    expect(found(source)).toEqual(['malformed-unicode-escape 2:5', 'malformed-unicode-escape 4:4']);
  });

  test('a byte order mark is skipped with a warning', () => {
    expect(values('\xef\xbb\xbfa=1')).toEqual({ a: '1' });
    expect(found('\xef\xbb\xbfa=1')).toEqual(['byte-order-mark 1:1']);
  });

  test('UTF-16 is refused, with and without its mark', () => {
    for (const text of ['\ufeffa1.sources = r1\n', 'a1.sources = r1\n']) {
      const { readable, diagnostics } = parseProperties('f', Buffer.from(text, 'utf16le'));
      expect(readable).toBe(false);
      expect(diagnostics.map(({ code }) => code)).toEqual(['utf16-text']);
    }
    expect(parseProperties('f', Buffer.from('a1.sources = r1\n', 'utf16le').swap16()).readable).toBe(false);
  });

  test('UTF-8 in a value is warned of, ISO-8859-1 and escapes are not', () => {
    expect(found(Buffer.from('a=größe\n').toString('latin1'))).toEqual(['utf8-value 1:3']);
    expect(found('a=gr\xf6\xdfe\nb=\\u00f6\nc=\\u00c3\\u20ac')).toEqual([]);
  });

  test('a duplicate says where the first one was', () => {
    const [duplicate] = parse('a=1\nb=2\n a=3').diagnostics;
    expect(duplicate?.place).toEqual({ file: 'f.conf', line: 3, column: 2 });
    expect(duplicate?.message).toContain('line 1');
  });

  test('Windows line ends are not worth a word', () => {
    expect(found('a=1\r\nb=2\\\r\n3\r\n')).toEqual([]);
  });
});

const escaped = (text: string) =>
  [...text]
    .flatMap((character) => character.split(''))
    .map((unit) => (/[a-zA-Z0-9]/.test(unit) ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`))
    .join('');
const trimmed = fc.string({ unit: 'binary' }).filter((text) => !/^[\0-\x20]|[\0-\x20]$/.test(text));

test('never throws, whatever the bytes', () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('\\u\r\n =:#!\t\fa0')));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 400 }), (bytes) => {
      const { entries, readable, diagnostics } = parseProperties('f', Uint8Array.from(bytes));
      expect(readable).toBe(diagnostics.every(({ severity }) => severity === 'warning'));
      for (const { keyPlace, valuePlace } of entries.values()) {
        expect(keyPlace.line).toBeLessThanOrEqual(valuePlace.line);
        expect(Math.min(keyPlace.column, valuePlace.column)).toBeGreaterThan(0);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('reads back every map that was written with its escapes', () => {
  const map = fc.dictionary(
    trimmed.filter((key) => key !== ''),
    trimmed,
    { noNullPrototype: true },
  );
  const style = fc.constantFrom('=', ':', ' ', ' = ', '\t:\f', '=\\\n  ', ' \\\r\n ');
  const end = fc.constantFrom('\n', '\r', '\r\n', '\n\n# x\\\n');
  fc.assert(
    fc.property(map, style, end, (wanted, separator, lineEnd) => {
      const lines = Object.entries(wanted).map(
        ([key, value]) => `${escaped(key)}${separator}${escaped(value)}${lineEnd}`,
      );
      expect(new Map(Object.entries(values(lines.join(''))))).toEqual(new Map(Object.entries(wanted)));
    }),
    { numRuns: 1_000 },
  );
});

test('finds every value where it says it is', () => {
  const word = fc.stringMatching(/^[a-z0-9.]{1,8}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word)), fc.constantFrom('\n', '\r\n', '\r'), (pairs, lineEnd) => {
      const source = pairs.map(([key, value], at) => `${' '.repeat(at % 3)}${key} = ${value}`).join(lineEnd);
      const lines = source.split(lineEnd);
      for (const { key, value, keyPlace, valuePlace, verbatim } of parse(source).entries.values()) {
        expect(verbatim).toBe(true);
        expect(lines[keyPlace.line - 1]?.startsWith(key, keyPlace.column - 1)).toBe(true);
        expect(lines[valuePlace.line - 1]?.startsWith(value, valuePlace.column - 1)).toBe(true);
      }
    }),
  );
});
