import type { WriteStream } from 'node:tty';
import { significant } from '../words.ts';

const BAR = 20;

/** One line of a terminal that says what was measured last, and how long it still takes. Nothing, where there is no terminal. */
export class Progress {
  readonly #terminal: WriteStream | undefined;
  #steps = 0;
  #done = 0;
  #beganMs = 0;

  constructor(stream: WriteStream) {
    this.#terminal = stream.isTTY ? stream : undefined;
  }

  begin(steps: number): void {
    this.#steps = steps;
    this.#done = 0;
    this.#beganMs = performance.now();
    this.#show('warming up');
  }

  /** A step is done. */
  step(label: string, eventsPerSecond: number): void {
    this.#done += 1;
    this.#show(`${label}: ${significant(eventsPerSecond, 2)} events/s`);
  }

  /** Removes the line. */
  end(): void {
    this.#terminal?.write('\r\x1b[2K');
  }

  #show(what: string): void {
    const share = this.#done / this.#steps;
    const full = Math.round(BAR * share);
    const leftSeconds = share === 0 ? NaN : ((performance.now() - this.#beganMs) / 1_000) * (1 / share - 1);
    const left = Number.isNaN(leftSeconds) ? '' : ` · ${Math.ceil(leftSeconds)} s left`;
    const line = `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${Math.floor(share * 100)} %${left} · ${what}`;
    this.#terminal?.write(`\r\x1b[2K${line.slice(0, (this.#terminal.columns || 80) - 1)}`);
  }
}
