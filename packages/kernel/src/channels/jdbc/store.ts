import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Content, Database } from './database.ts';
import { Desk } from './desk.ts';
import type { Asked, Connected, DatabaseAt, FromStore, Opened, Tell } from './messages.ts';
import { PutLine } from './put-line.ts';
import { cancelled, closed, Question, stale } from './question.ts';
import { Room } from './shared.ts';
import { StoredChannel, type StorePort } from './stored-channel.ts';

/** What the thread of a store is started with. */
export interface StoreBirth {
  readonly at: DatabaseAt;
  /** Most events in the database; 0 is no limit. */
  readonly capacity: number;
}

/** The thread that owns a database: everything that is put into its channels and taken from them goes through here. */
class StoreThread {
  readonly database: Database;
  readonly desk: Desk;
  readonly room = new Room();
  readonly line = new PutLine(this.room);
  readonly #links = new Set<MessagePort>();
  readonly #channels = new Map<string, StoredChannel>();
  readonly #ports = new Map<number, StorePort>();
  #channelsOpened = 0;
  /** Channels that are being opened. */
  #opening = 0;
  #lastPort = 0;
  #lastId = 0;
  #ending = false;

  constructor(database: Database, capacity: number) {
    this.database = database;
    this.desk = new Desk(database);
    this.room.capacity = capacity;
    process.on('workerMessage', ({ jdbc }: { readonly jdbc: MessagePort }) => {
      this.#links.add(jdbc);
      jdbc.on('message', (message: Asked | Tell) => this.#receive(jdbc, message));
      jdbc.on('close', () => this.#links.delete(jdbc));
    });
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  freed(): void {
    this.line.serve();
    for (const port of this.#ports.values()) if (port.over) this.#leave(port);
    this.#endIfDone();
  }

  #receive(link: MessagePort, message: Asked | Tell): void {
    if ('token' in message && message.op !== 'cancel') {
      const question = new Question(link, message.token);
      this.#answer(message, question).catch((error) => question.refuse(error));
    } else {
      this.#hear(link, message);
    }
  }

  #hear(link: MessagePort, tell: Tell): void {
    if (tell.op === 'cancel') this.#cancel(link, tell.token);
    else if (tell.op === 'trim') this.#trim();
    else this.#hearPort(tell);
  }

  #hearPort(tell: Extract<Tell, { port: number }>): void {
    const port = this.#ports.get(tell.port);
    if (port === undefined || port.over) return;
    const { channel } = port;
    if (tell.op === 'publish') channel.publish(port, tell.hidden);
    else if (tell.op === 'void') channel.void(port, tell.hidden);
    else if (tell.op === 'giveBack') channel.taking.giveBack(port, tell.lease);
    else channel.unused(tell.events);
  }

  async #answer(asked: Asked, question: Question): Promise<void> {
    switch (asked.op) {
      case 'open':
        return question.answer(await this.#open(asked.channel));
      case 'connect':
        return question.answer(this.#connect(asked.channel, asked.owner));
      case 'reclaim':
        this.#reclaim(asked.owner);
        return question.answer();
      case 'close':
        return this.#close(asked.channel, question);
    }
    const port = this.#ports.get(asked.port);
    if (port === undefined || port.over) throw stale();
    switch (asked.op) {
      case 'reserve':
        return this.#reserve(port, asked, question);
      case 'put':
        return port.channel.put(port, asked.packed, asked.hidden, question);
      case 'take':
        return port.channel.take({ ...asked, port, question });
      case 'remove':
        return port.channel.taking.remove(port, asked.lease, question);
    }
  }

  async #open(name: string): Promise<Opened> {
    this.#opening += 1;
    try {
      const before = this.#channels.get(name);
      if (this.#ending || (before !== undefined && (before.busy || !before.board.closed))) {
        throw new Error(`channel ${name} is still open in ${this.database.name}.`);
      }
      const content = await this.#contentOf(name);
      this.#lastId = Math.max(this.#lastId, content.lastId);
      this.#channelsOpened += 1;
      if (before === undefined) this.room.add(content.events);
      const channel = new StoredChannel(name, this.#channelsOpened, content, this);
      this.#channels.set(name, channel);
      const { number, board } = channel;
      return {
        room: this.room.memory,
        board: board.memory,
        number,
        database: this.database.name,
        events: content.events,
      };
    } finally {
      this.#opening -= 1;
      this.#endIfDone();
    }
  }

  /** Asks the database when its turn has come. */
  #contentOf(name: string): Promise<Content> {
    return new Promise((resolve, reject) => {
      this.desk.read(() => this.database.open(name).then(resolve, reject));
    });
  }

  #connect(name: string, owner: number): Connected {
    const channel = this.#channels.get(name);
    if (channel === undefined || channel.board.closed) throw closed();
    const cell = this.room.enter(channel.number);
    if (cell === undefined) throw new Error('Too many workers use this database.');
    this.#lastPort += 1;
    const port = { id: this.#lastPort, cell, owner, channel, sending: 0, hidden: new Map(), over: false };
    this.#ports.set(port.id, port);
    return { port: port.id, cell };
  }

  #reserve(port: StorePort, { events, waitMs }: { events: number; waitMs: number }, question: Question): void {
    if (port.channel.board.closed) throw closed();
    this.line.join(port, events, waitMs, question);
    // Who gathers while others wait for room would gather for ever.
    if (this.line.length > 0) for (const { taking } of this.#channels.values()) taking.serve();
  }

  #cancel(link: MessagePort, token: number): void {
    const meant = (question: Question) => question.link === link && question.token === token;
    this.line.end(({ question }) => meant(question), cancelled());
    for (const { taking } of this.#channels.values()) taking.end(meant, cancelled());
  }

  #reclaim(owner: number): void {
    this.line.end(({ port }) => port.owner === owner);
    for (const port of this.#ports.values()) {
      if (port.owner === owner && !port.over) port.channel.reclaim(port);
    }
    this.freed();
  }

  /** Frees the cell of a life that is over, when nothing of it is on its way any more. */
  #leave(port: StorePort): void {
    if (this.room.reserved(port.cell) > 0) return;
    this.#ports.delete(port.id);
    this.room.leave(port.cell);
  }

  #trim(): void {
    if (this.#ending) return;
    this.desk.read(() =>
      this.database.trim().catch((error) => tell('warn', { error }, 'Could not give disk space back.')),
    );
  }

  async #close(name: string, question: Question): Promise<void> {
    const channel = this.#channels.get(name);
    if (channel !== undefined && !channel.board.closed) {
      channel.close();
      this.line.end(({ port }) => port.channel === channel, closed());
    }
    question.answer(await this.#endIfDone());
  }

  /** Ends this thread when all channels are closed and nothing of them is open; says whether. */
  async #endIfDone(): Promise<boolean> {
    if (this.#ending) return true;
    if (this.#opening > 0) return false;
    for (const { board, busy } of this.#channels.values()) if (busy || !board.closed) return false;
    this.#ending = true;
    await this.database.close().catch((error) => tell('warn', { error }, 'The database did not close cleanly.'));
    // Whatever has been answered is read before the end of a port.
    setImmediate(() => {
      for (const link of this.#links) link.close();
      parentPort!.close();
    });
    return true;
  }
}

function say(message: FromStore): void {
  parentPort!.postMessage(message);
}

function tell(level: 'info' | 'warn' | 'error', fields: object, message: string): void {
  say({ type: 'log', level, fields, message });
}

async function openDatabase(at: DatabaseAt): Promise<Database> {
  if (at.kind === 'sqlite') return new (await import('./sqlite.ts')).SqliteDatabase(at);
  return (await import('./postgres.ts')).PostgresDatabase.open(at);
}

const { at, capacity } = workerData as StoreBirth;
try {
  new StoreThread(await openDatabase(at), capacity);
  // The parent's port is what keeps this thread until somebody links to it.
  parentPort!.on('message', () => {});
  say({ type: 'ready' });
} catch (error) {
  say({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  parentPort!.close();
}
