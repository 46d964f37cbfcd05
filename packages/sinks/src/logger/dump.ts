import type { Headers } from '@millrace/kernel/component';

const ROW = 16;
/** The columns of a full row of hex digits. */
const HEX_COLUMNS = ROW * 3;

/**
 * An event as Flume's logger sink writes it: `{ headers:{k=v} body: 48 65 … Hello }`. The first row of the dump has no offset; each
 * further one begins with eight hex digits on a line of its own.
 */
export function dumpEvent(headers: Headers, body: Buffer, bodyBytesMax: number): string {
  const shown = body.subarray(0, bodyBytesMax);
  const rows: string[] = [];
  for (let at = 0; at < shown.length; at += ROW) {
    const offset = at === 0 ? '' : at.toString(16).toUpperCase().padStart(8, '0');
    rows.push(`${offset} ${dumpRow(shown.subarray(at, at + ROW))}`);
  }
  const pairs = Object.entries(headers).map(([name, value]) => `${name}=${value}`);
  return `{ headers:{${pairs.join(', ')}} body:${rows.join('\n')} }`;
}

function dumpRow(bytes: Buffer): string {
  const hex = Array.from(bytes, (byte) => `${byte.toString(16).toUpperCase().padStart(2, '0')} `).join('');
  const text = Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return hex.padEnd(HEX_COLUMNS) + text;
}
