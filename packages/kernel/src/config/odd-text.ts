import { withoutQuotes } from './advice.ts';
import { type Diagnostic, isSecret, type Place } from './diagnostic.ts';
import type { Entry, Piece } from './properties.ts';

/** What is said of bytes that are surely no properties file; undefined for all others. */
export function foreignFormat(
  file: string,
  bytes: Uint8Array,
): Pick<Diagnostic, 'code' | 'message' | 'suggestion'> | undefined {
  if (looksLikeUtf16(bytes)) {
    return {
      code: 'utf16-text',
      message: `${file} is UTF-16 text, in which no property can be read.`,
      suggestion: 'save it as ISO-8859-1 or plain ASCII',
    };
  }
  const head = Buffer.from(bytes.subarray(0, 512)).toString('latin1');
  const format = head.includes('\0') ? 'a binary file' : formats.find(([begins]) => begins.test(head))?.[1];
  if (format === undefined) return undefined;
  return {
    code: 'not-properties',
    message: `${file} is ${format}, and a configuration is a Java properties file.`,
    suggestion: 'give the file that has lines such as a1.sources = r1',
  };
}

const formats: readonly (readonly [begins: RegExp, format: string])[] = [
  [/^\s*[{[]\s*(["\]}]|$)/, 'JSON'],
  [/^\s*<[?!\w]/, 'XML'],
  [/^(---\s*\n|[\w-]+:\s*\n[ ]+[\w-]+:\s)/, 'YAML'],
];

function looksLikeUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return true;
  const head = bytes.subarray(0, 512);
  const zeros = [0, 0];
  head.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2]!++;
  });
  // Latin text in UTF-16 has a zero in every second byte and hardly one between.
  return head.length >= 4 && Math.max(...zeros) > head.length / 3 && Math.min(...zeros) < head.length / 16;
}

/** What is said of a `\\u` without its digits, and of a backslash that nothing follows to which it gives a meaning. */
export function oddEscape(place: Place, sequence: string, subject: string): Diagnostic {
  const suggestion = 'for a backslash itself, as in a Windows path or a regular expression, write it twice';
  if (!sequence.startsWith('\\u')) {
    const message = `The backslash of ${sequence} is dropped, and ${sequence.slice(1)} alone is read.`;
    return { severity: 'warning', code: 'lost-backslash', place, subject, message, suggestion };
  }
  const message = `"${sequence}" is not a \\uXXXX escape with four hexadecimal digits, so this file cannot be loaded.`;
  return { severity: 'error', code: 'malformed-unicode-escape', place, subject, message, suggestion };
}

/** What is said of a continuation that looks like a line of its own. */
export function swallowedLine({ key, keyPlace: { file } }: Entry, { line, column }: Piece): Diagnostic {
  return {
    severity: 'warning',
    code: 'swallowed-line',
    place: { file, line, column },
    subject: key,
    message: `The line before ends with a backslash, so this line is a part of the value of ${key}.`,
    suggestion: `remove the backslash at the end of line ${line - 1}`,
  };
}

/** Blanks that are none to Java: no-break, zero-width and typographic ones. */
const BLANKS = /[\u00a0\u2000-\u200f\u202f\u2060\u3000\ufeff]/;

/** What is said of a key with characters that no key of Flume has. */
export function utf8Key({ key, keyPlace }: Entry, meant: string): Diagnostic {
  const strange = [...new Set(meant.replace(/[\0-\x7e]/g, ''))].map((character) => {
    const code = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
    return BLANKS.test(character) ? `a blank that is none (${code})` : `${character} (${code})`;
  });
  return {
    severity: 'warning',
    code: 'utf8-key',
    place: keyPlace,
    subject: key,
    message: `The key has in it what no key of Flume has: ${strange.join(', ')}.`,
    suggestion: 'type the key anew, in plain letters, digits, dots, hyphens and underscores',
  };
}

/** What is said of a value that was saved as UTF-8. */
export function utf8Value({ key, value, valuePlace }: Entry, meant: string): Diagnostic {
  const becomes = isSecret(key) ? '' : `: it becomes "${value}"`;
  return {
    severity: 'warning',
    code: 'utf8-value',
    place: valuePlace,
    subject: key,
    message: `The value is UTF-8 text, but these files are read as ISO-8859-1, as Flume does${becomes}.`,
    suggestion: isSecret(key) ? 'write such characters as \\uXXXX' : adviceOnUtf8(value, meant),
  };
}

function adviceOnUtf8(value: string, meant: string): string {
  const plain = withoutQuotes(value);
  if (plain !== undefined) return `write it without quotes: ${plain}`;
  if (BLANKS.test(meant)) return 'there is a blank in it that is none to Java: type it anew';
  return `write ${meant.replace(/[^\0-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}`;
}
