/** Where something stands in a configuration file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One mistake in a configuration, or one thing that is surely not meant. */
export interface Diagnostic {
  /** `error`: something does not run as it is written. `warning`: everything written runs, though perhaps not as meant. */
  readonly severity: 'error' | 'warning';
  /** Stable, for programs. */
  readonly code: string;
  readonly place: Place;
  /** What it is about, such as `a1.sources.r1.port`; the file's name when it is about the file. */
  readonly subject: string;
  /** What is wrong, and what becomes of it. */
  readonly message: string;
  /** What to do. */
  readonly suggestion?: string;
}

/** Takes the diagnostics of one step as they are found. */
export type Report = (diagnostic: Diagnostic) => void;

/** Whether the value of a key must not be repeated in a message or a log. */
export function isSecret(key: string): boolean {
  return /pass|pasw|pwd|secret|token|credential|access.?key|driver\.url/i.test(key);
}
