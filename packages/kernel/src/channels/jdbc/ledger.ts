import type { Content } from './database.ts';
import { Queue } from './queue.ts';
import { Board, type Figures } from './shared.ts';

/** What a ledger is told of; the rest it knows from its queue. */
type Counted = Omit<Figures, 'queued' | 'queuedBytes' | 'oldestAt'>;

/** What waits in a channel, and what has happened in it; all of it stands on the board as soon as it is counted. */
export class Ledger {
  readonly queue: Queue;
  readonly board = new Board();
  readonly #counted: Counted;

  constructor(content: Content) {
    this.queue = new Queue(content);
    this.#counted = {
      recovered: content.events,
      put: 0,
      taken: 0,
      committed: 0,
      rolledBack: 0,
      reclaimed: 0,
      voided: 0,
      refused: 0,
      leased: 0,
    };
    this.count({});
  }

  /** Adds to figures, after the queue was changed. */
  count(more: Partial<Counted>): void {
    for (const [name, events] of Object.entries(more)) this.#counted[name as keyof Counted] += events;
    const { events: queued, bytes: queuedBytes, oldest } = this.queue;
    this.board.write({ ...this.#counted, queued, queuedBytes, oldestAt: oldest?.time ?? 0 });
  }
}
