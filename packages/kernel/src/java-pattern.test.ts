import { expect, test } from 'vitest';
import { javaPattern, wholeJavaPattern } from './java-pattern.ts';

/** Pattern, what it matches as a whole, and what it does not: all of it as `java.util.regex` has it. */
const same: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['', [''], ['a']],
  ['a|bc', ['a', 'bc'], ['abc', 'b', '']],
  ['x-.*', ['x-', 'x-trace'], ['X-trace', 'x-a\nb', 'x-a\u0085', ' x-']],
  ['(?i)x-[a-c]+', ['X-aBc', 'x-C'], ['x-d', 'x-K']],
  ['(?i)k[^k]', ['ka', 'KA'], ['\u212aa', 'kK']],
  ['(?s).+', ['a\nb'], ['']],
  ['\\s\\S', [' a', '\t\u00a0'], ['\u00a0a', '  ']],
  ['[\\s]', [' '], ['\u00a0']],
  ['[\\S]+', ['a\u00a0é😀'], ['a b']],
  ['\\d{2,3}?', ['12', '123'], ['1', '1234', '١٢']],
  ['(?<word>\\w+)=(\\w+)', ['a=b'], ['a=', 'é=b']],
  ['\\Qa.b[\\E+', ['a.b[', 'a.b[['], ['axb[']],
  ['a\\-b\\.c\\/', ['a-b.c/'], ['a-bxc/']],
  ['[\\w-]+', ['a-b'], ['a b']],
  ['[-a]+', ['a-'], ['b']],
  ['[a-]+', ['a-'], ['b']],
  ['[^^]', ['a'], ['^']],
  ['a}]', ['a}]'], ['a']],
  ['\\p{Lower}\\p{Lu}\\pL', ['aÉé'], ['éÉé', 'aaé']],
  ['[\\p{Punct}]+', ['!-/:@[`{~]^\\'], ['a', ' ']],
  ['\\P{L}', ['1'], ['a']],
  ['\\x41\\u0042\\x{1f600}', ['AB😀'], ['AB']],
  ['\\Aa\\z', ['a'], ['a\n']],
  ['a$\\n', ['a\n'], ['a']],
  ['.(?<=a).(?!c)', ['ab'], ['bb']],
  ['😀?x', ['😀x', 'x'], ['\ud83dx']],
  ['\\t\\n\\r\\f\\a\\e', ['\t\n\r\f\x07\x1b'], ['tnrfae']],
];

test.each(same)('%s is what Java takes it for', (pattern, matching, others) => {
  const regexp = wholeJavaPattern(pattern);
  for (const text of matching) expect([text, regexp.test(text)]).toEqual([text, true]);
  for (const text of others) expect([text, regexp.test(text)]).toEqual([text, false]);
});

test('text is split as Java does, whatever the groups of the separator', () => {
  expect('a , b,c;d'.split(javaPattern('\\s*(,|(?<semicolon>;))\\s*'))).toEqual(['a', 'b', 'c', 'd']);
});

test.each([
  ['a++', '"++"'],
  ['a*+', '"*+"'],
  ['a{2}+', '"{2}+"'],
  ['(?>a)', '"(?>"'],
  ['a(?i)b', '"(?i"'],
  ['(?x)a', '"(?x"'],
  ['(a)\\1', '"\\1"'],
  ['(?<n>a)\\k<n>', '"\\k"'],
  ['\\h', '"\\h"'],
  ['\\R', '"\\R"'],
  ['\\p{IsGreek}', '"\\p{IsGreek}"'],
  ['\\P{Lower}', '"\\P{Lower}"'],
  ['[a-z&&[^b]]', '"&&"'],
  ['[a[b]]', '"["'],
  ['[]a]', '"]"'],
  ['\\x4', '"\\x"'],
])('%s is refused, and why', (pattern, what) => {
  expect(() => javaPattern(pattern)).toThrow(/^must do without /);
  expect(() => javaPattern(pattern)).toThrow(what);
});

test.each(['a(', 'a)', '*', 'a**', 'a{', 'a{x}', 'a{2,1}', '[b-a]', '[a', '\\p{Zzz}', '\\'])(
  '%s cannot be read',
  (pattern) => {
    expect(() => javaPattern(pattern)).toThrow(/^must /);
  },
);
