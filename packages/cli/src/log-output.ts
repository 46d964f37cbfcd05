import { writeSync } from 'node:fs';

/** How long a line waits for a reader that is too slow. Later lines do not wait before one of them has been written. */
const PATIENCE_MS = 1_000;
const PAUSE_MS = 5;
const clock = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Writes lines to a file descriptor, each before its call returns. A line that cannot be written, as on a full disk, is dropped: a log
 * may not end what it tells of. The next line that can be written is preceded by `note`, which is given how many were dropped and why.
 */
export class LogOutput {
  readonly #fd: number;
  readonly #note: (dropped: number, reason: string) => string;
  #dropped = 0;
  #reason = '';
  /** Whether the last bytes written were the beginning of a line only. */
  #torn = false;

  constructor(fd: number, note: (dropped: number, reason: string) => string) {
    this.#fd = fd;
    this.#note = note;
  }

  write(line: string): void {
    if (this.#dropped > 0 && this.#put(this.#note(this.#dropped, this.#reason), 0)) this.#dropped = 0;
    if (this.#dropped > 0 || !this.#put(line, PATIENCE_MS)) this.#dropped += 1;
  }

  #put(line: string, patienceMs: number): boolean {
    const bytes = Buffer.from(this.#torn ? `\n${line}` : line);
    const giveUpAt = performance.now() + patienceMs;
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.#fd, bytes, at);
        this.#torn = at < bytes.length;
      } catch (error) {
        const { code = String(error) } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN' && performance.now() < giveUpAt) {
          Atomics.wait(clock, 0, 0, PAUSE_MS);
          continue;
        }
        this.#reason = code;
        return false;
      }
    }
    return true;
  }
}
