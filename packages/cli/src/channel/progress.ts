import type { WriteStream } from 'node:tty';

/** One line of a terminal that says how much is done. Nothing, where there is no terminal. */
export class ProgressLine {
  readonly #terminal: WriteStream | undefined;
  #shown = '';

  constructor(stream: WriteStream) {
    this.#terminal = stream.isTTY ? stream : undefined;
  }

  show(line: string): void {
    if (line === this.#shown) return;
    this.#shown = line;
    this.#terminal?.write(`\r\x1b[2K${line.slice(0, (this.#terminal.columns || 80) - 1)}`);
  }

  /** Removes the line, so that something else can be written. */
  clear(): void {
    this.#shown = '';
    this.#terminal?.write('\r\x1b[2K');
  }
}
