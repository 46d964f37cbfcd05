import type { Batch, BatchBuilder, HeaderEdit } from '@millrace/channel-native';
import type { Events, Headers, MadeEvent, SingleEvent } from '../component.ts';

/**
 * A batch on its way through the interceptors of a source. Changes gather until somebody must see them, so that those of a whole chain
 * are mostly one native call.
 */
export class Passing implements Events {
  readonly #builder: BatchBuilder;
  readonly #original: Batch;
  #batch: Batch;
  #edits: HeaderEdit[] = [];
  /** A one for each event of the batch that stays; undefined when all do. */
  #kept: Uint8Array | undefined;
  /** Which events of the original those of the batch are; undefined when they are all of it. */
  #origins: readonly number[] | undefined;
  #length: number;
  #over = false;

  constructor(batch: Batch, builder: BatchBuilder) {
    this.#original = batch;
    this.#batch = batch;
    this.#builder = builder;
    this.#length = batch.length;
  }

  get length(): number {
    return this.#length;
  }

  /** Which events of the original are left; undefined when all are. Asked when the changes are made. */
  get origins(): readonly number[] | undefined {
    return this.#origins;
  }

  headers(index: number): Headers {
    return this.changed().headers(index);
  }

  bodyView(index: number): Buffer {
    // No edit changes a body, or which events there are.
    return (this.#kept === undefined ? this.#open() : this.changed()).bodyView(index);
  }

  headerNames(): readonly string[] {
    return this.changed().headerNames();
  }

  setHeader(name: string, value: string, { preserve = false }: { readonly preserve?: boolean } = {}): void {
    this.#open();
    checkTexts([name, value]);
    this.#edits.push({ name, value, preserve });
  }

  removeHeader(name: string): void {
    this.#open();
    checkTexts([name]);
    this.#edits.push({ name });
  }

  keep(wanted: (index: number) => boolean): void {
    if (this.#kept !== undefined) this.changed();
    const { length } = this.#open();
    const kept = new Uint8Array(length);
    let left = 0;
    for (let index = 0; index < length; index += 1) {
      if (!wanted(index)) continue;
      kept[index] = 1;
      left += 1;
    }
    if (left === length) return;
    // What was asked may have made changes visible, never which events there are.
    this.#kept = kept;
    this.#length = left;
  }

  map(make: (event: SingleEvent, index: number) => MadeEvent | undefined): void {
    const batch = this.changed();
    const made = Array.from({ length: batch.length }, (_, index) =>
      make({ headers: batch.headers(index), body: batch.body(index) }, index),
    );
    for (const event of made) if (event !== undefined) check(event);
    for (const event of made) if (event !== undefined) this.#builder.append(event.body, event.headers);
    this.#replace(this.#builder.finish(), (index) => made[index] !== undefined);
  }

  /** The batch with all changes made. */
  changed(): Batch {
    const batch = this.#open();
    const kept = this.#kept;
    if (this.#edits.length > 0 || kept !== undefined) {
      const changed = this.#builder.change(batch, this.#edits, kept);
      this.#edits = [];
      this.#kept = undefined;
      this.#replace(changed, kept && ((index) => kept[index] === 1));
    }
    return this.#batch;
  }

  /** Says that nobody may change or read events any more. What was made of the original is given up unless it was `taken`. */
  end(taken: boolean): void {
    this.#over = true;
    const changed = this.#batch !== this.#original;
    if (changed) (taken ? this.#original : this.#batch).release();
  }

  #open(): Batch {
    if (this.#over) throw new Error('Events were used after `intercept` had settled: it must wait for all it begins.');
    return this.#batch;
  }

  #replace(batch: Batch, stays?: (index: number) => boolean): void {
    if (stays !== undefined && batch.length < this.#batch.length) {
      const before = this.#origins ?? Array.from({ length: this.#batch.length }, (_, index) => index);
      this.#origins = before.filter((_, index) => stays(index));
    }
    if (this.#batch !== this.#original) this.#batch.release();
    this.#batch = batch;
    this.#length = batch.length;
  }
}

/** Not all interceptors are written in TypeScript, and all of a chain write to one memory: what is no event may not come so far. */
function check({ headers, body }: MadeEvent): void {
  checkTexts(Object.values(headers));
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) {
    throw new TypeError(`The body of an event is text or bytes, not ${typeof body}.`);
  }
}

function checkTexts(texts: readonly unknown[]): void {
  const other = texts.find((text) => typeof text !== 'string');
  if (other !== undefined || texts.includes(undefined)) {
    throw new TypeError(`Names and values of headers are text, not ${typeof other}.`);
  }
}
