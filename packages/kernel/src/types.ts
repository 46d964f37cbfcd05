import * as z from 'zod';
import { didYouMean } from './config/suggest.ts';
import { javaPattern } from './java-pattern.ts';

/**
 * The types of configuration values. Each reads the trimmed text of a property as Java and Flume do and says in words what it
 * wanted; a default makes the property optional.
 */

/** Digits that no type of Java takes any more. */
const DIGITS_MAX = 100;

/** What digits with an optional sign mean; of so many that reading them would take its time, some number that is too large. */
function integerOf(text: string): bigint | undefined {
  return /^[+-]?\d+$/.test(text) ? BigInt(text.slice(0, DIGITS_MAX)) : undefined;
}

const javaInteger = (min: bigint, max: bigint, wanted: string) =>
  z.string(wanted).transform((text, context): number => {
    const value = integerOf(text);
    if (value === undefined || value < min || value > max) {
      const unsaid = value !== undefined && value > max && !wanted.includes(String(max));
      context.addIssue(`must be ${unsaid ? `at most ${max}` : wanted}, not "${text}"`);
      return z.NEVER;
    }
    return Number(value);
  });

const INT_MAX = 2n ** 31n - 1n;

/** A Java `int` of at least `min`: digits with an optional sign; no unit, no hexadecimal. */
export const integer = (min = -(2 ** 31), max = 2 ** 31 - 1) =>
  javaInteger(BigInt(min), BigInt(max), `a whole number from ${min} to ${max}`);

/** A Java `long` of at least `min`. Beyond 2^53 the value is the nearest JavaScript number. */
export const long = (min = -(2n ** 63n)) => javaInteger(min, 2n ** 63n - 1n, `a whole number of at least ${min}`);

/** How many of something: 1 to 2^31 − 1. */
export const count = javaInteger(1n, INT_MAX, 'a whole number of at least 1');

/** A span of time in milliseconds: 0 to 2^31 − 1. */
export const milliseconds = javaInteger(0n, INT_MAX, 'a number of milliseconds of at least 0');

/** A span of time in seconds: 0 to 2^31 − 1. */
export const seconds = javaInteger(0n, INT_MAX, 'a number of seconds of at least 0');

/** A TCP or UDP port; 0 lets the system choose. */
export const port = javaInteger(0n, 65_535n, 'a port from 0 to 65535');

/** `true` in any case; everything else is false, as Java has it. */
export const flag = z.string('true or false').transform((text) => text.toLowerCase() === 'true');

/** Any text. */
export const text = z.string('some text');

/** A host name or an address. */
export const host = z.string('a host name or address').refine((name) => /^[^\s"'`,;#\p{Cc}]+$/u.test(name), {
  error: ({ input }) => `must be a host name or address, not "${input}"`,
});

/** Names with blanks between them. */
export const names = z.string('names with blanks between them').transform((list) => list.split(/\s+/).filter(Boolean));

/** For a property whose name ends with a dot: the text of each that begins with it, by the rest of its name. */
export const textByName = z.record(z.string(), z.string(), 'some text').default({});

/** A regular expression of Java, as text that `java-pattern.ts` can read. */
export const pattern = z.string('a regular expression of Java').transform((text, context): string => {
  try {
    javaPattern(text);
    return text;
  } catch (error) {
    context.addIssue((error as Error).message);
    return z.NEVER;
  }
});

/** Paths with commas between them. */
export const paths = z.string('paths with commas between them').transform((list, context): string[] => {
  const found = list.split(',').map((path) => path.trim());
  if (found.every(Boolean) && new Set(found).size === found.length) return found;
  context.addIssue(`must be different paths with commas between them, not "${list}"`);
  return z.NEVER;
});

/** One of some names. Each stands with the Java class names that mean it too; case makes no difference. */
export const oneOf = <const Name extends string>(names: Readonly<Record<Name, readonly string[]>>) => {
  const choices = Object.keys(names) as Name[];
  const wanted = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  return z.string(wanted).transform((text, context): Name => {
    const means = (name: string) => name.toLowerCase() === text.toLowerCase();
    const chosen = choices.find((choice) => [choice, ...names[choice]].some(means));
    if (chosen !== undefined) return chosen;
    const message = `must be ${wanted}, not "${text}"`;
    context.addIssue({ code: 'custom', message, params: { suggestion: didYouMean(text, choices) } });
    return z.NEVER;
  });
};
