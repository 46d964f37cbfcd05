/** What a reload does to one component. */
export interface Change {
  /** Such as `a1.sinks.k1`. */
  readonly id: string;
  readonly what: 'start' | 'stop' | 'restart';
  /** In words, such as `batchSize 100 → 200`; never the value of a secret. */
  readonly why: string;
}

/** What a reload does. */
export interface Changes {
  readonly changes: readonly Change[];
  /** How many components go on as they are. */
  readonly untouched: number;
}
