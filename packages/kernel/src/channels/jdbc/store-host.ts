import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Log } from '../../component.ts';
import { Link } from './link.ts';
import type { DatabaseAt, FromStore, Opened } from './messages.ts';
import { Board } from './shared.ts';
import type { StoreBirth } from './store.ts';

/** Dead buffers pile up to a multiple of this before they are looked for; those of a store are dead soon. */
const YOUNG_GENERATION_MIB = 3;

const stores = new Map<string, Promise<StoreHost>>();

/** The main thread's hold on the thread of a database. */
export class StoreHost {
  readonly capacity: number;
  readonly #worker: Worker;
  readonly #link: Link;
  readonly #boards: Board[] = [];
  readonly #ended: Promise<unknown>;

  /** The store of a database: the one there is, or a new one. The first who asks says the capacity. Rejects when the database cannot be opened. */
  static of(at: DatabaseAt, capacity: number, log: Log): Promise<StoreHost> {
    const key = at.kind === 'sqlite' ? at.file : at.url;
    const known = stores.get(key);
    if (known !== undefined) return known;
    const forget = () => {
      if (stores.get(key) === starting) stores.delete(key);
    };
    const starting = start({ at, capacity }, log, forget);
    stores.set(key, starting);
    starting.catch(forget);
    return starting;
  }

  constructor(worker: Worker, link: Link, { capacity }: StoreBirth, log: Log) {
    this.#worker = worker;
    this.#link = link;
    this.capacity = capacity;
    this.#ended = once(worker, 'exit').then(() => {
      const open = this.#boards.filter((board) => !board.closed);
      if (open.length === 0) return;
      // Nobody may wait for a store that is dead.
      for (const board of open) board.close();
      log.error(
        {},
        'The store of the database has died, and its channels are closed until the agent is started again.',
      );
    });
  }

  get thread(): number {
    return this.#worker.threadId;
  }

  async open(channel: string): Promise<Opened> {
    const opened = await this.#link.ask<Opened>({ op: 'open', channel });
    this.#boards.push(new Board(opened.board));
    return opened;
  }

  /** A store that is gone holds nothing. */
  async reclaim(owner: number): Promise<void> {
    await this.#link.ask({ op: 'reclaim', owner }).catch(() => {});
  }

  trim(): void {
    this.#link.tell({ op: 'trim' });
  }

  /** Nothing is lost by it. Resolves when the database is closed, or something is still open that may be finished. */
  async close(channel: string): Promise<number> {
    const isOver = await this.#link.ask<boolean>({ op: 'close', channel }).catch(() => true);
    if (!isOver) return 0;
    this.#worker.ref();
    await this.#ended;
    return 0;
  }
}

async function start(birth: StoreBirth, log: Log, ended: () => void): Promise<StoreHost> {
  const worker = new Worker(new URL('./store.js', import.meta.url), {
    workerData: birth,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  });
  worker.on('error', (error) => log.error({ error }, 'The store of the database has failed.'));
  worker.on('exit', ended);
  const ready = await new Promise<FromStore>((resolve, reject) => {
    worker.on('message', (message: FromStore) => {
      if (message.type === 'log') log[message.level](message.fields, message.message);
      else resolve(message);
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the thread of the database has ended before it was ready.')));
  });
  if (ready.type === 'failed') throw new Error(ready.message);
  const link = await Link.to(worker.threadId);
  worker.unref();
  return new StoreHost(worker, link, birth, log);
}
