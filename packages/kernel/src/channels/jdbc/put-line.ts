import { ChannelError } from '@millrace/channel-native';
import type { Question } from './question.ts';
import type { Room } from './shared.ts';
import type { StorePort } from './stored-channel.ts';

interface Waiting {
  readonly port: StorePort;
  readonly events: number;
  readonly question: Question;
  timer?: NodeJS.Timeout;
}

/** Puts that wait for room in a database, in the order in which they came: a later one never overtakes. */
export class PutLine {
  readonly #room: Room;
  #waiting: Waiting[] = [];

  constructor(room: Room) {
    this.#room = room;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Grants room as soon as there is some and nobody is before; refuses when the time is over. */
  join(port: StorePort, events: number, waitMs: number, question: Question): void {
    const waiting: Waiting = { port, events, question };
    this.#waiting.push(waiting);
    // Seen by everybody before the room is looked at again: what is released from now on is told.
    this.#changed();
    this.serve();
    if (!this.#waiting.includes(waiting)) return;
    if (waitMs <= 0) this.#refuse(waiting);
    else waiting.timer = setTimeout(() => this.#refuse(waiting), waitMs);
  }

  /** Grants what can be granted now. */
  serve(): void {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (!this.#room.grant(first.port.cell, first.events)) return;
      this.#leave(first);
      first.question.answer();
    }
  }

  /** Ends the waits that are meant; their questions are refused with the error, if there is one. */
  end(meant: (waiting: { readonly port: StorePort; readonly question: Question }) => boolean, error?: Error): void {
    const ending = this.#waiting.filter(meant);
    for (const waiting of ending) {
      this.#leave(waiting);
      if (error !== undefined) waiting.question.refuse(error);
    }
    if (ending.length > 0) this.serve();
  }

  #refuse(waiting: Waiting): void {
    const { port, events, question } = waiting;
    this.#leave(waiting);
    port.channel.refused(events);
    const { capacity, used } = this.#room;
    question.refuse(
      new ChannelError(
        'MR_CHANNEL_FULL',
        `Failed to persist event: Channel capacity reached: maxCapacity: ${capacity}, currentSize: ${used}. Sinks are slower than sources: raise maximum.capacity, or add a sink.`,
      ),
    );
    this.serve();
  }

  #leave(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    this.#changed();
  }

  #changed(): void {
    this.#room.waitingPuts = this.#waiting.length;
  }
}
