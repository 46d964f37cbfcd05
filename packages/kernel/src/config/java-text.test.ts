import { expect, test } from 'vitest';
import { hashSetOrder, javaHash, javaTrim, splitNames } from './java-text.ts';

test('strings hash as in Java, overflow included', () => {
  expect(javaHash('')).toBe(0);
  expect(javaHash('k1')).toBe(3366);
  expect(javaHash('polygenelubricants')).toBe(-2_147_483_648);
});

test('sets come out in the order of a Java HashSet', () => {
  expect(hashSetOrder(['k3', 'k1', 'k2'])).toEqual(['k1', 'k2', 'k3']);
  expect(hashSetOrder(['sink1', 'sink2', 'sink10'])).toEqual(['sink2', 'sink10', 'sink1']);
});

test('names of one bucket keep the order they were put in', () => {
  expect(hashSetOrder(['BB', 'Aa'])).toEqual(['BB', 'Aa']);
  expect(hashSetOrder(['Aa', 'BB', 'Aa'])).toEqual(['Aa', 'BB']);
});

test('a set of twelve names or more has more buckets', () => {
  // The hash of "p" is 112: bucket 0 of 16, but 16 of 32.
  expect(hashSetOrder(['a', 'p'])).toEqual(['p', 'a']);
  expect(hashSetOrder([...'pabcdefghij']).join('')).toBe('pabcdefghij');
  expect(hashSetOrder([...'pabcdefghijk']).join('')).toBe('abcdefghijkp');
});

test('lists split at any of Java’s blanks, and at no other', () => {
  expect(splitNames('a \t b\n\vc\fd\u00a0e a').map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd\u00a0e']);
  expect(splitNames('ab  cd')).toEqual([
    { name: 'ab', index: 0 },
    { name: 'cd', index: 4 },
  ]);
});

test('trimming takes control characters and leaves the blanks Java does not know', () => {
  expect(javaTrim('\0\x1f a\u00a0\ufeff \x7f')).toBe('a\u00a0\ufeff \x7f');
  expect(javaTrim(' \t ')).toBe('');
});
