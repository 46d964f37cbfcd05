import { lookupService } from 'node:dns/promises';

/** How long somebody waits for a name; it is looked up to the end, for those who come later. */
const PATIENCE_MS = 2_000;
/** How long a name, or that there is none, is believed. */
const KNOWN_MS = 5 * 60_000;
const UNKNOWN_MS = 30_000;
const NAMES_MAX = 1_000;
/** Look-ups at once: all threads of the process that may block are few. */
const LOOKUPS_MAX = 2;
/** Look-ups that wait for those: who sends datagrams can make up any number of addresses. */
const WAITING_MAX = 1_000;

interface Known {
  readonly name: Promise<string>;
  until: number;
}

/** The names of clients, by reverse look-up. */
export class PeerNames {
  readonly #known = new Map<string, Known>();
  readonly #waiting: (() => void)[] = [];
  #lookups = 0;

  /** The name of an address; empty when there is none, or nobody says so in time. */
  async of(address: string): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, '');
    });
    try {
      return await Promise.race([this.#entry(address).name, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #entry(address: string): Known {
    const known = this.#known.get(address);
    if (known !== undefined && known.until > Date.now()) return known;
    const entry: Known = { name: this.#lookUp(address), until: Number.POSITIVE_INFINITY };
    entry.name.then((name) => {
      entry.until = Date.now() + (name === '' ? UNKNOWN_MS : KNOWN_MS);
    });
    this.#known.delete(address);
    this.#known.set(address, entry);
    if (this.#known.size > NAMES_MAX) this.#known.delete(this.#known.keys().next().value!);
    return entry;
  }

  async #lookUp(address: string): Promise<string> {
    if (this.#waiting.length >= WAITING_MAX) return '';
    while (this.#lookups >= LOOKUPS_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#lookups += 1;
    try {
      return (await lookupService(address, 0)).hostname;
    } catch {
      return '';
    } finally {
      this.#lookups -= 1;
      this.#waiting.shift()?.();
    }
  }
}
