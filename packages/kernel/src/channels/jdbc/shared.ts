/** Most ports, of workers and of the main thread, that a database has at once. */
const PORTS_MAX = 1_024;
const INT_MAX = 2 ** 31 - 1;
const READS_MAX = 10_000;

const CAPACITY = 0;
const STORED = 1;
const WAITING_PUTS = 2;
/** From here on two cells for each port: its channel, and what it has reserved. */
const PORTS = 3;

/**
 * Room in a database, counted in shared memory so that a put knows at once whether there is some. Every port has a cell of its own for what it
 * holds; whoever reserves adds to that first and then looks at the sum, so that no two can have the last place, and a worker that dies
 * in between leaves nothing that its cell does not tell.
 */
export class Room {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  /** What the store has counted, without a limit. */
  #stored = 0;

  constructor(memory = new SharedArrayBuffer(4 * (PORTS + 2 * PORTS_MAX))) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** Most events in the database; 0 is no limit. Set once, by the store. */
  get capacity(): number {
    return this.#cells[CAPACITY]!;
  }

  set capacity(events: number) {
    // More than can be counted is no limit.
    this.#cells[CAPACITY] = events > INT_MAX ? 0 : events;
  }

  /** Counts events that the database has now, or has no longer. Called by the store alone. */
  add(events: number): void {
    this.#stored += events;
    Atomics.store(this.#cells, STORED, Math.min(this.#stored, INT_MAX));
  }

  /** How many puts wait for room. Set by the store. */
  set waitingPuts(puts: number) {
    Atomics.store(this.#cells, WAITING_PUTS, puts);
  }

  /** Events stored and reserved. */
  get used(): number {
    let used = Atomics.load(this.#cells, STORED);
    for (let port = 0; port < PORTS_MAX; port += 1) used += this.reserved(port);
    return used;
  }

  /** What could be reserved now; nothing while puts wait. */
  free(): number {
    if (Atomics.load(this.#cells, WAITING_PUTS) > 0) return 0;
    return this.capacity === 0 ? Number.POSITIVE_INFINITY : Math.max(0, this.capacity - this.used);
  }

  /** Reserves if there is room and no put waits for it. */
  tryReserve(port: number, events: number): boolean {
    return Atomics.load(this.#cells, WAITING_PUTS) === 0 && this.grant(port, events);
  }

  /** Reserves if there is room, whoever waits. */
  grant(port: number, events: number): boolean {
    Atomics.add(this.#cells, reservedBy(port), events);
    if (this.capacity === 0 || this.used <= this.capacity) return true;
    this.release(port, events);
    return false;
  }

  release(port: number, events: number): void {
    Atomics.sub(this.#cells, reservedBy(port), events);
  }

  /** Events that a port has reserved. */
  reserved(port: number): number {
    return Atomics.load(this.#cells, reservedBy(port));
  }

  /** Events that all ports of a channel have reserved. */
  reservedIn(channel: number): number {
    let events = 0;
    for (let port = 0; port < PORTS_MAX; port += 1) {
      if (Atomics.load(this.#cells, channelOf(port)) === channel) events += this.reserved(port);
    }
    return events;
  }

  /** Gives a port to a channel, counted from 1. Undefined when there are too many. */
  enter(channel: number): number | undefined {
    for (let port = 0; port < PORTS_MAX; port += 1) {
      if (Atomics.compareExchange(this.#cells, channelOf(port), 0, channel) === 0) return port;
    }
    return undefined;
  }

  /** Takes a port back that has nothing reserved. */
  leave(port: number): void {
    Atomics.store(this.#cells, channelOf(port), 0);
  }
}

const channelOf = (port: number) => PORTS + 2 * port;
const reservedBy = (port: number) => channelOf(port) + 1;

const FIGURES = [
  'put',
  'taken',
  'committed',
  'rolledBack',
  'reclaimed',
  'voided',
  'refused',
  'queued',
  'leased',
  'queuedBytes',
  'oldestAt',
  'recovered',
] as const;

/**
 * What the store counts in a channel: always `recovered + put = committed + queued + leased`. `oldestAt` is the time of the oldest queued
 * event, or 0; `recovered` is what was there when the channel was opened.
 */
export type Figures = { -readonly [Name in (typeof FIGURES)[number]]: number };

/** The figures of a channel and whether it is closed, in shared memory: the store writes, everybody may read. */
export class Board {
  readonly memory: SharedArrayBuffer;
  /** A number that is odd while the store writes, and whether the channel is closed. */
  readonly #state: Int32Array;
  readonly #figures: Float64Array;

  constructor(memory = new SharedArrayBuffer(8 + 8 * FIGURES.length)) {
    this.memory = memory;
    this.#state = new Int32Array(memory, 0, 2);
    this.#figures = new Float64Array(memory, 8);
  }

  get closed(): boolean {
    return Atomics.load(this.#state, 1) === 1;
  }

  close(): void {
    Atomics.store(this.#state, 1, 1);
  }

  write(figures: Figures): void {
    Atomics.add(this.#state, 0, 1);
    for (const [at, name] of FIGURES.entries()) this.#figures[at] = figures[name];
    Atomics.add(this.#state, 0, 1);
  }

  /** The figures of one moment; those of a store that died while it wrote are the last there are. */
  read(): Figures {
    for (let tries = 1; ; tries += 1) {
      const before = Atomics.load(this.#state, 0);
      const figures = Object.fromEntries(FIGURES.map((name, at) => [name, this.#figures[at]!])) as Figures;
      const whole = before % 2 === 0 && Atomics.load(this.#state, 0) === before;
      if (whole || tries === READS_MAX) return figures;
    }
  }
}
