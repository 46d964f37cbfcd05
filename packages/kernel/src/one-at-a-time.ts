/**
 * Work of which never two run at once. Who asks while it runs gets one more run after it, which all share who ask until that begins.
 */
export class OneAtATime<Result> {
  readonly #work: () => Promise<Result>;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<Result> | undefined;

  constructor(work: () => Promise<Result>) {
    this.#work = work;
  }

  /** A run that begins after this call; settles as the work does. */
  run(): Promise<Result> {
    if (this.#next === undefined) {
      this.#next = this.#last.then(() => {
        this.#next = undefined;
        return this.#work();
      });
      this.#last = this.#next.catch(() => {});
    }
    return this.#next;
  }

  /** Resolves when all runs that were asked for are over. */
  get idle(): Promise<unknown> {
    return this.#last;
  }
}
