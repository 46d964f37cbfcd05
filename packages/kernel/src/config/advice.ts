/** What to do about a value that cannot be read, where it looks like something people write having other formats in mind. */
export function adviceOn(value: string): string | undefined {
  const plain = withoutQuotes(value);
  if (plain !== undefined) return `write it without quotes: ${plain}`;
  if (/\s[#!]/.test(value)) return 'a comment needs a line of its own; behind a value it is a part of the value';
  if (/^[^;]*;$/.test(value)) return `write it without the semicolon: ${value.slice(0, -1)}`;
  if (/^[+-]?[\d_,]+$/.test(value) && /[_,]/.test(value))
    return `write the digits alone: ${value.replace(/[_,]/g, '')}`;
  if (/^[+-]?\d+\.0*$/.test(value)) return `write it without a point: ${value.replace(/\..*/, '')}`;
  if (/^0x[\da-f]{1,16}$/i.test(value)) return `write it in decimal: ${BigInt(value)}`;
  if (/^[+-]?[\d.]+\s*[a-z]+$/i.test(value)) return 'write the digits alone: there are no units in these files';
  if (/\$\{[^}]*$/.test(value)) return 'the variable in it is not closed: write } behind it';
  if (value.includes('${')) return 'give the variable in it a value; see the warning about it';
  return undefined;
}

/** What stands between quotes, plain or typographic ones, also when the bytes of these were read as ISO-8859-1. */
export function withoutQuotes(value: string): string | undefined {
  return /^(["'])(.*)\1$/s.exec(value)?.[2] ?? /^[“”„‘’](.*)[“”‘’]$/s.exec(asUtf8(value) ?? value)?.[1];
}

/** The text that was meant by bytes of UTF-8 which were read as ISO-8859-1; undefined when they are no UTF-8, or all ASCII. */
export function asUtf8(latin1: string): string | undefined {
  if (!/[\x80-\xff]/.test(latin1) || /[^\0-\xff]/.test(latin1)) return undefined;
  const meant = Buffer.from(latin1, 'latin1').toString('utf8');
  return meant.includes('\ufffd') ? undefined : meant;
}

/** What to do about a name in a list that is none. */
export function adviceOnName(name: string): string | undefined {
  if (/[,;]/.test(name)) return 'separate names by blanks, not by commas';
  return /^[#!]/.test(name) ? 'a comment needs a line of its own; behind a list its words are names' : undefined;
}
