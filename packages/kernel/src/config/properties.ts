import { asUtf8 } from './advice.ts';
import type { Diagnostic, Place, Report } from './diagnostic.ts';
import { javaTrim } from './java-text.ts';
import { foreignFormat, oddEscape, swallowedLine, utf8Key, utf8Value } from './odd-text.ts';

/** One `key = value` of a file, unescaped and trimmed. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly keyPlace: Place;
  /** Where the value begins; where it would, when it is empty. */
  readonly valuePlace: Place;
  /** Whether the value stands in the file, from `valuePlace` on, letter for letter. */
  readonly verbatim: boolean;
}

/** The place of one character of an entry's value, or of the value when it cannot be told. */
export function placeInValue({ valuePlace, verbatim }: Entry, index: number): Place {
  return verbatim ? { ...valuePlace, column: valuePlace.column + index } : valuePlace;
}

/** What a properties file says: of equal keys the last. `readable` is false when Flume would refuse to load the file. */
export interface PropertiesFile {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly diagnostics: readonly Diagnostic[];
  readonly readable: boolean;
}

/**
 * Reads the bytes of a Java `.properties` file, to the letter of `java.util.Properties`, and keeps the place of everything. Never
 * throws: what cannot be read is an error among the diagnostics, and the rest is read on.
 */
export function parseProperties(file: string, bytes: Uint8Array): PropertiesFile {
  const entries = new Map<string, Entry>();
  const diagnostics: Diagnostic[] = [];
  const report: Report = (diagnostic) => void diagnostics.push(diagnostic);

  const foreign = foreignFormat(file, bytes);
  if (foreign !== undefined) {
    report({ severity: 'error', place: { file, line: 1, column: 1 }, subject: file, ...foreign });
    return { entries, diagnostics, readable: false };
  }

  for (const line of logicalLines(withoutByteOrderMark(bytes, file, report))) {
    const entry = readEntry(line, file, report);
    const earlier = entries.get(entry.key);
    if (earlier !== undefined) {
      report({
        severity: 'warning',
        code: 'duplicate-key',
        place: entry.keyPlace,
        subject: entry.key,
        message: `${entry.key} was set before, on line ${earlier.keyPlace.line}; this value replaces that one.`,
        suggestion: 'remove one of the two lines',
      });
    }
    entries.set(entry.key, entry);
  }
  return { entries, diagnostics, readable: diagnostics.every(({ severity }) => severity !== 'error') };
}

function withoutByteOrderMark(bytes: Uint8Array, file: string, report: Report): string {
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (marked) {
    report({
      severity: 'warning',
      code: 'byte-order-mark',
      place: { file, line: 1, column: 1 },
      subject: file,
      message: `${file} begins with a byte order mark. It is skipped here; Flume takes it for a part of the first key.`,
      suggestion: 'save the file without one',
    });
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', marked ? 3 : 0);
}

/** Part of a logical line that stands in one natural line: `from` counts in the logical line, the rest in the file. */
export interface Piece {
  readonly from: number;
  readonly line: number;
  readonly column: number;
}

interface LogicalLine {
  readonly text: string;
  readonly pieces: readonly Piece[];
}

const isBlank = (character: string | undefined) => character === ' ' || character === '\t' || character === '\f';

/** Lines that say something, with continuations joined: no blank lines, no comments, no blanks at the beginning. */
function* logicalLines(source: string): Generator<LogicalLine> {
  let text = '';
  let pieces: Piece[] = [];
  let number = 0;
  for (const natural of source.split(/\r\n|\r|\n/)) {
    number++;
    let start = 0;
    while (isBlank(natural[start])) start++;
    const continues = pieces.length > 0;
    if (!continues && (start === natural.length || natural[start] === '#' || natural[start] === '!')) continue;

    let backslashes = 0;
    while (natural.length - 1 - backslashes >= start && natural[natural.length - 1 - backslashes] === '\\')
      backslashes++;
    const goesOn = backslashes % 2 === 1;
    pieces.push({ from: text.length, line: number, column: start + 1 });
    text += natural.slice(start, goesOn ? -1 : undefined);
    if (goesOn) continue;
    if (text !== '') yield { text, pieces };
    text = '';
    pieces = [];
  }
  // A file may end in the middle of a continuation.
  if (text !== '') yield { text, pieces };
}

function readEntry(line: LogicalLine, file: string, report: Report): Entry {
  const { text } = line;
  let keyEnd = 0;
  while (keyEnd < text.length && !isBlank(text[keyEnd]) && text[keyEnd] !== '=' && text[keyEnd] !== ':') {
    keyEnd += text[keyEnd] === '\\' ? 2 : 1;
  }
  keyEnd = Math.min(keyEnd, text.length);

  let valueStart = keyEnd;
  while (isBlank(text[valueStart])) valueStart++;
  if (text[valueStart] === '=' || text[valueStart] === ':') valueStart++;
  while (isBlank(text[valueStart])) valueStart++;

  const read = (from: number, to: number, subject: string) =>
    javaTrim(
      unescaped(text.slice(from, to), (at, sequence) =>
        report(oddEscape(placeOf(line, file, from + at), sequence, subject)),
      ),
    );
  const key = read(0, keyEnd, text.slice(0, keyEnd));
  const value = read(valueStart, text.length, key);
  const entry = {
    key,
    value,
    keyPlace: placeOf(line, file, 0),
    valuePlace: placeOf(line, file, valueStart),
    verbatim: line.pieces.length === 1 && text.startsWith(value, valueStart),
  };
  const [meantKey, meant] = [asUtf8(key), asUtf8(value)];
  if (meantKey !== undefined) report(utf8Key(entry, meantKey));
  if (meant !== undefined) report(utf8Value(entry, meant));
  const swallowed = line.pieces.find(({ from }) => from > 0 && KEY_OF_AGENT.test(text.slice(from)));
  if (swallowed !== undefined) report(swallowedLine(entry, swallowed));
  return entry;
}

/** What begins like a line of its own. */
const KEY_OF_AGENT = /^[\w-]+\.(sources|channels|sinks|sinkgroups|configfilters)\b\S*\s*[=:]/;

function placeOf({ pieces }: LogicalLine, file: string, at: number): Place {
  const piece = pieces.findLast(({ from }) => from <= at) ?? pieces[0]!;
  return { file, line: piece.line, column: piece.column + at - piece.from };
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/** Tells of a `\u` without its digits, and of a backslash before a letter or digit to which it gives no meaning. */
function unescaped(text: string, onOdd: (at: number, sequence: string) => void): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(u([0-9a-fA-F]{4})?|.?)/gs, (_, escaped: string, hex: string | undefined, at: number) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (escaped === 'u') onOdd(at, text.slice(at, at + 6));
    else if (/[a-zA-Z\d]/.test(escaped) && !(escaped in escapes)) onOdd(at, `\\${escaped}`);
    return escapes[escaped] ?? escaped;
  });
}
