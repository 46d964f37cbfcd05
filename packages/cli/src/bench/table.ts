/** The lines of a table; the names of the columns are those of the first. */
export type Table = readonly Row[];

/** One line of a table, by column. */
export type Row = Readonly<Record<string, string | number>>;

/** A table for people: text to the left, figures to the right. */
export function renderTable(rows: Table): string {
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
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  const rounded = Number(value.toPrecision(digits));
  return Math.abs(rounded) >= 1000 ? rounded.toLocaleString('en-US') : String(rounded);
}
