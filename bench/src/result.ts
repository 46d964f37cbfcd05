import type { Table } from 'millrace/dist/bench/table.js';

/** What a benchmark has to say; the report prints it and `--json` keeps it. */
export interface Result {
  readonly title: string;
  /** How it was measured, and what may be misread. */
  readonly notes: readonly string[];
  readonly tables: readonly Table[];
  readonly bars: readonly Bar[];
  /** Every single measurement, for the JSON. */
  readonly runs: readonly object[];
}

/** Something a figure has to reach. The report says whether it does and never fails because of it. */
export interface Bar {
  readonly what: string;
  readonly value: number;
  readonly at: 'least' | 'most';
  readonly limit: number;
  /** Behind both numbers, such as `MiB`. */
  readonly unit: string;
}

export function isMet({ value, at, limit }: Bar): boolean {
  return at === 'least' ? value >= limit : value <= limit;
}

/** A benchmark that cannot run here, with the reason to print. */
export interface Skipped {
  readonly title: string;
  readonly skipped: string;
}
