import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client of netcat that notes what became of each of its lines. The answers come in the order of the lines. */
export class Feeder {
  /** Lines in the order in which they were sent. */
  readonly sent: string[] = [];
  /** What was answered to them; fewer when the connection has ended. */
  readonly answers: string[] = [];
  readonly localPort: number;
  readonly #socket: Socket;
  #rest = '';
  #answered = () => {};

  static async connect(port: number): Promise<Feeder> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Feeder(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.localPort = socket.localPort!;
    socket.setEncoding('utf8');
    socket.on('data', (data) => this.#receive(String(data)));
    // A connection that has ended answers no more: that is all that matters.
    socket.on('error', () => {});
    socket.once('close', () => this.#answered());
  }

  /** The lines that were answered with `OK`. */
  get accepted(): string[] {
    return this.sent.filter((_, at) => this.answers[at] === 'OK');
  }

  /** Sends a line, and resolves with its answer; undefined when the connection has ended before. */
  async ask(line: string): Promise<string | undefined> {
    const at = this.sent.length;
    this.#send([line]);
    while (this.answers.length <= at && !this.#socket.destroyed) await this.#news();
    return this.answers[at];
  }

  /** Sends what `next` makes, as long as it makes something and the connection lasts, with at most so many lines unanswered. */
  async feed(next: () => string | undefined, unansweredMax = 32): Promise<void> {
    while (!this.#socket.destroyed) {
      const lines: string[] = [];
      while (this.sent.length + lines.length - this.answers.length < unansweredMax) {
        const line = next();
        if (line === undefined) break;
        lines.push(line);
      }
      this.#send(lines);
      if (this.answers.length === this.sent.length) return;
      await this.#news();
    }
  }

  /** Sends no more. */
  close(): void {
    this.#socket.end();
  }

  #send(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.sent.push(...lines);
    this.#socket.write(lines.map((line) => `${line}\n`).join(''));
  }

  #receive(data: string): void {
    const lines = (this.#rest + data).split('\n');
    this.#rest = lines.pop()!;
    this.answers.push(...lines);
    this.#answered();
  }

  /** Resolves with the next answers, or with the end. */
  #news(): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }
}

/** Feeds lines, all different, until one of them is refused, and returns what was said then. */
export async function feedUntilRefused(feeder: Feeder): Promise<string | undefined> {
  const from = feeder.answers.length;
  let number = feeder.sent.length;
  let refusal: string | undefined;
  const next = () => {
    refusal ??= feeder.answers.slice(from).find((answer) => answer !== 'OK');
    number += 1;
    return refusal === undefined ? `${feeder.localPort} ${number}`.padEnd(450, ' .') : undefined;
  };
  await feeder.feed(next, 100);
  return refusal;
}
