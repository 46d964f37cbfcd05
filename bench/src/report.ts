import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os';
import { type Bar, isMet, type Result, type Skipped, type Table } from './result.ts';

/** Where the figures come from: they mean nothing without it. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    load1: Number(loadavg()[0]!.toFixed(2)),
    time: new Date().toISOString(),
  };
}

/** A result for people. */
export function render(result: Result | Skipped): string {
  const title = `${result.title}\n${'─'.repeat(result.title.length)}\n`;
  if ('skipped' in result) return `${title}skipped: ${result.skipped}\n`;
  const notes = result.notes.map((note) => `${note}\n`).join('');
  const tables = result.tables.map((rows) => `${renderTable(rows)}\n`).join('');
  return `${title}${notes}\n${tables}${renderBars(result.bars)}`;
}

/** One line for each bar: what, its value, what is wanted, whether it is met. */
export function renderBars(bars: readonly Bar[]): string {
  const width = Math.max(0, ...bars.map(({ what }) => what.length));
  return bars
    .map((bar) => {
      const { what, value, at, limit, unit } = bar;
      const sign = at === 'least' ? '≥' : '≤';
      const wanted = `(${sign} ${significant(limit)}${unit})`;
      return `${isMet(bar) ? 'met    ' : 'NOT MET'}  ${what.padEnd(width)}  ${significant(value)}${unit} ${wanted}\n`;
    })
    .join('');
}

function renderTable(rows: Table): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]!.length)));
  const isText = columns.map((column) => typeof rows[0]?.[column] === 'string');
  return lines
    .map((line) => line.map((text, at) => (isText[at] ? text.padEnd(widths[at]!) : text.padStart(widths[at]!))))
    .map((line) => `${line.join('  ').trimEnd()}\n`)
    .join('');
}

function cell(value: string | number | undefined): string {
  return typeof value === 'number' ? significant(value) : (value ?? '–');
}

/** Three digits that mean something, and none that do not; thousands are kept apart. */
function significant(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1000 ? rounded.toLocaleString('en-US') : String(rounded);
}
