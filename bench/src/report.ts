import { renderTable } from 'millrace/dist/bench/table.js';
import { significant } from 'millrace/dist/words.js';
import { type Bar, isMet, type Result, type Skipped } from './result.ts';

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
