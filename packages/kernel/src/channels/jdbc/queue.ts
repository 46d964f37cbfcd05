/** A batch as it was put: one row of the database. */
export interface Row {
  /** Its place in the order of the channel. */
  readonly id: number;
  /** When it was put, in milliseconds since 1970. */
  readonly time: number;
  readonly events: number;
  readonly bytes: number;
  /** When it was published, by the clock of this process; 0 for what was there before. */
  readonly since: number;
  /** Events that have not been removed for good. */
  left: number;
}

/** Events of a row that follow each other: all of them, or what others have left. */
export interface Run {
  readonly row: Row;
  readonly from: number;
  readonly to: number;
}

/** How many runs a channel knows at once; what is behind them is read when they are gone. */
const RUNS_MAX = 50_000;
/** Taken runs at the front that are not worth moving the others for. */
const GAP_MAX = 1_024;

/** What waits in a channel, in order. It knows the first rows; of those behind them only how much they are. */
export class Queue {
  readonly #runsMax: number;
  #runs: Run[] = [];
  /** Where in `#runs` the first stands. */
  #first = 0;
  #knownEvents = 0;
  #knownBytes = 0;
  #behindEvents: number;
  #behindBytes: number;
  /** Rows up to this one are known, or taken, or not published yet; rows after it are behind. */
  #knownTo = 0;

  /** Begins with what is in the database, none of it known. */
  constructor(behind: { readonly events: number; readonly bytes: number }, runsMax = RUNS_MAX) {
    this.#runsMax = runsMax;
    this.#behindEvents = behind.events;
    this.#behindBytes = behind.bytes;
  }

  /** Events that can be taken. */
  get events(): number {
    return this.#knownEvents + this.#behindEvents;
  }

  /** Bytes of these events, to the share of their rows. */
  get bytes(): number {
    return this.#knownBytes + this.#behindBytes;
  }

  /** The row of the event that is next, if it is known. */
  get oldest(): Row | undefined {
    return this.#runs[this.#first]?.row;
  }

  /** The row behind which rows must be read now, because all that are known are taken. */
  get behind(): number | undefined {
    return this.#first === this.#runs.length && this.#behindEvents > 0 ? this.#knownTo : undefined;
  }

  /** Lets a row be taken that has just been put. */
  publish(row: Row): void {
    const full = this.#behindEvents > 0 || this.#runs.length - this.#first >= this.#runsMax;
    if (full && row.id > this.#knownTo) {
      this.#behindEvents += row.events;
      this.#behindBytes += row.bytes;
    } else {
      this.#knownTo = Math.max(this.#knownTo, row.id);
      this.#insert({ row, from: 0, to: row.events });
    }
  }

  /** Takes in what was read from behind, up to the row `to`; `all` when nothing is behind that. */
  learn(runs: readonly Run[], { to, all }: { readonly to: number | undefined; readonly all: boolean }): void {
    for (const run of runs) {
      this.#insert(run);
      this.#behindEvents -= run.to - run.from;
      this.#behindBytes -= bytesOf(run);
    }
    this.#knownTo = to ?? this.#knownTo;
    if (!all) return;
    this.#behindEvents = 0;
    this.#behindBytes = 0;
  }

  /** The next events, as many as are known, up to these limits; at least one if there is one. */
  take(eventsMax: number, bytesMax: number): Run[] {
    const taken: Run[] = [];
    let events = 0;
    let bytes = 0;
    while (this.#first < this.#runs.length && events < eventsMax && bytes < bytesMax) {
      const run = this.#runs[this.#first]!;
      const to = Math.min(run.to, run.from + eventsMax - events);
      const part = to === run.to ? run : { ...run, to };
      if (part === run) this.#first += 1;
      else this.#runs[this.#first] = { ...run, from: to };
      taken.push(part);
      events += to - run.from;
      bytes += bytesOf(part);
    }
    this.#knownEvents -= events;
    this.#knownBytes -= bytes;
    if (this.#first > GAP_MAX && this.#first * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#first);
      this.#first = 0;
    }
    return taken;
  }

  /** Puts events that were taken back into their place. */
  giveBack(runs: readonly Run[]): void {
    for (const run of runs) this.#insert(run);
  }

  #insert(run: Run): void {
    this.#knownEvents += run.to - run.from;
    this.#knownBytes += bytesOf(run);
    const runs = this.#runs;
    let low = this.#first;
    let high = runs.length;
    if (low === high || isBefore(runs[high - 1]!, run)) return void runs.push(run);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(runs[middle]!, run)) low = middle + 1;
      else high = middle;
    }
    if (low === this.#first && low > 0) {
      this.#first -= 1;
      runs[this.#first] = run;
    } else {
      runs.splice(low, 0, run);
    }
  }
}

/** The share of a run in the bytes of its row; shares of neighbours add up. */
function bytesOf({ row, from, to }: Run): number {
  const upTo = (event: number) => Math.floor((row.bytes * event) / row.events);
  return upTo(to) - upTo(from);
}

function isBefore(a: Run, b: Run): boolean {
  return a.row.id < b.row.id || (a.row.id === b.row.id && a.from < b.from);
}
