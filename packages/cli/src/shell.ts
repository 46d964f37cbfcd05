/**
 * The part of the shell's grammar that configuration scripts are written in, read without running anything: words, quotes,
 * comments, continued lines, variables.
 */

/** Splits a script into commands and those into words. The words are as written, with their quotes and variables. */
export function shellCommands(script: string): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word = '';

  const endWord = () => {
    if (word !== '') words.push(word);
    word = '';
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };

  const text = script.replaceAll('\r\n', '\n');
  for (let at = 0; at < text.length; ) {
    const length = pieceLength(text, at);
    const piece = text.slice(at, at + length);
    if (piece === '\\\n') {
      // A continued line: nothing stands here.
    } else if (/^[ \t]$/.test(piece)) {
      endWord();
    } else if (/^[\n;&|()]$/.test(piece)) {
      endCommand();
    } else if (piece === '#' && word === '') {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
      continue;
    } else {
      word += piece;
    }
    at += length;
  }
  endCommand();
  return commands;
}

/** What a word stands for: quotes removed, variables replaced, unknown ones and commands (`$(…)`) by nothing. */
export function shellValue(word: string, variables: ReadonlyMap<string, string>): string {
  return expand(word, variables, false);
}

function expand(word: string, variables: ReadonlyMap<string, string>, quoted: boolean): string {
  let value = '';
  for (let at = 0; at < word.length; ) {
    const length = pieceLength(word, at, quoted);
    const piece = word.slice(at, at + length);
    at += length;
    if (piece.length === 1) value += piece;
    else if (piece.startsWith("'")) value += piece.slice(1, -1);
    else if (piece.startsWith('"')) value += expand(piece.slice(1, -1), variables, true);
    else if (piece.startsWith('\\')) value += unescaped(piece, quoted);
    else value += substituted(piece, variables);
  }
  return value;
}

/** A backslash inside double quotes is itself, unless what follows would have a meaning there. */
function unescaped(piece: string, quoted: boolean): string {
  if (piece === '\\\n') return '';
  return quoted && !/^\\[$`"\\]$/.test(piece) ? piece : piece.slice(1);
}

function substituted(piece: string, variables: ReadonlyMap<string, string>): string {
  const [, name, operator = '', fallback = ''] = /^\$\{?(\w+)(:?-)?(.*?)\}?$/s.exec(piece) ?? [];
  if (name === undefined) return '';
  const value = variables.get(name);
  const missing = value === undefined || (operator === ':-' && value === '');
  if (!missing) return value;
  return operator === '' ? '' : shellValue(fallback, variables);
}

/** The length of what stands at `at` and belongs together: a quoted text, an escape, a variable, a command in a word, one character. */
function pieceLength(text: string, at: number, quoted = false): number {
  const rest = text.slice(at);
  const [first = '', second = ''] = rest;
  if (first === '\\') return second === '' ? 1 : 2;
  if (first === "'" && !quoted) return through(rest, "'", 1);
  if (first === '"' && !quoted) return enclosed(rest, 1, '"', true);
  if (first === '`') return through(rest, '`', 1);
  if (first === '$' && second === '(') return enclosed(rest, 2, ')', false);
  if (first === '$' && second === '{') return enclosed(rest, 2, '}', quoted);
  return /^\$\w+/.exec(rest)?.[0].length ?? 1;
}

function through(text: string, end: string, from: number): number {
  const found = text.indexOf(end, from);
  return found === -1 ? text.length : found + 1;
}

/** The length through the `end` that closes what was opened before `from`, passing over everything nested. */
function enclosed(text: string, from: number, end: string, quoted: boolean): number {
  for (let at = from; at < text.length; at += pieceLength(text, at, quoted)) {
    if (text[at] === end) return at + 1;
  }
  return text.length;
}

/** A word as a shell takes it for one. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
