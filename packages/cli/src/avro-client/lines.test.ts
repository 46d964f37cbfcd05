import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from './lines.ts';

async function* pieces(bytes: Buffer, lengths: readonly number[]) {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length]!;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function linesIn(bytes: Buffer, lengths: readonly number[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const some of linesOf(pieces(bytes, lengths))) lines.push(...some);
  return lines;
}

test.for([
  ['', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\nb\rc\r\nd', ['a', 'b', 'c', 'd']],
  ['\n\r\r\n', ['', '', '']],
  ['a\n\rb', ['a', '', 'b']],
  ['\ufeffa\n', ['\ufeffa']],
  ['größe\u2028\x85\f', ['größe\u2028\x85\f']],
] as const)('%j is %j, wherever it is cut', async ([text, lines]) => {
  for (const length of [1, 2, 3, 100]) expect(await linesIn(Buffer.from(text), [length])).toEqual(lines);
});

test('bytes that are no UTF-8 become U+FFFD, and harm no other line', async () => {
  const bytes = Buffer.from('61ff0ac3', 'hex');
  for (const length of [1, 100]) expect(await linesIn(bytes, [length])).toEqual(['a\ufffd', '\ufffd']);
});

test('any text has the same lines however it is cut', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'ß', '€', '😀', '\r', '\n') });
  const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(text, lengths, async (all, cuts) => {
      const lines = all.split(/\r\n|\r|\n/);
      if (lines.at(-1) === '') lines.pop();
      expect(await linesIn(Buffer.from(all), cuts)).toEqual(lines);
    }),
  );
});
