import { whole } from '@millrace/kernel/words';

/** How long ago something was, in its two largest units. */
export function ago(thenMs: number, nowMs: number): string {
  const ms = nowMs - thenMs;
  if (ms < 0) return 'in the future, by this host’s clock';
  return ms < 1_000 ? 'just now' : `${span(ms)} ago`;
}

/** A length of time, in its two largest units. */
export function span(ms: number): string {
  let rest = Math.floor(ms / 1_000);
  const parts: string[] = [];
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const whole = Math.floor(rest / seconds);
    rest -= whole * seconds;
    if (whole > 0) parts.push(`${whole} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/** A moment, to the second. */
export const moment = (ms: number) => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** Three digits that mean something, and none that do not; thousands are kept apart. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) >= 1000 ? whole(rounded) : String(rounded);
}

/** Rows in columns; which of these are text, and so to the left, is said, or it is the first and the last. */
export function columns(rows: readonly (readonly string[])[], isText?: readonly boolean[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const toTheLeft = isText ?? widths.map((_, at) => at === 0 || at === widths.length - 1);
  const cell = (text: string, at: number) => (toTheLeft[at] ? text.padEnd(widths[at]!) : text.padStart(widths[at]!));
  return rows.map((row) => `${row.map(cell).join('  ').trimEnd()}\n`).join('');
}
