import { columns, significant } from '../words.ts';

/** The lines of a table; the names of the columns are those of the first. */
export type Table = readonly Row[];

/** One line of a table, by column. */
export type Row = Readonly<Record<string, string | number>>;

/** A table for people: text to the left, figures to the right. */
export function renderTable(rows: Table): string {
  const [first = {}] = rows;
  const names = Object.keys(first);
  const isText = names.map((name) => typeof first[name] === 'string');
  return columns([names, ...rows.map((row) => names.map((name) => cell(row[name])))], isText);
}

function cell(value: string | number | undefined): string {
  return typeof value === 'number' ? significant(value) : (value ?? '–');
}
