import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { MillraceError } from '../errors.ts';
import type { Assignment, Birth, FailureRecord, FromGuest, LogLevel, LogRecord, ToGuest } from './protocol.ts';
import { unpackFailure } from './protocol.ts';

/** The whole life of a worker. A move that this table does not hold is a bug in the kernel, and throws. */
const successors = {
  starting: ['running', 'stopped', 'failed'],
  running: ['stopping', 'failed'],
  stopping: ['stopped', 'failed'],
  stopped: [],
  failed: [],
} as const;

export type HostState = keyof typeof successors;

export interface HostOptions {
  /** Longest time from the start of the thread until the component is open. */
  readonly startTimeoutMs: number;
  /** What a stopping component has beyond its time for draining, to close and end, before it is killed. */
  readonly closeGraceMs: number;
  /** Most memory a worker may hold: JavaScript heap and buffers together. */
  readonly memoryLimitBytes: number;
  readonly logLevel: LogLevel;
  readonly onLog: (record: LogRecord) => void;
}

/** How often the memory of a worker is measured, and how often when it holds more than half of what it may. */
const MEMORY_SAMPLE_MS = 1_000;
const MEMORY_SAMPLE_NEAR_LIMIT_MS = 100;

/**
 * V8 lets dead buffers pile up to a multiple of this before it looks for them: with its own default of 48 to 96 MiB in every source that
 * reads from sockets. What such workers make is dead at once, so a small one costs them nothing.
 */
const YOUNG_GENERATION_MIB = 3;

const guest = fileURLToPath(new URL('./guest.js', import.meta.url));

/**
 * The main thread's end of one life of a component: one thread, from its start to its exit. A restart is a new host. However a life
 * ends, `running` and `exited` tell it; nothing here waits for a worker without a limit in time.
 */
export class Host {
  /** Resolves when the component is open, rejects when its life ended before that. */
  readonly running: Promise<void>;
  /**
   * Resolves at the thread's real end, with what it died of, if it was not stopped. Only then may be touched what its owner held.
   * It may never settle: V8 cannot interrupt every loop.
   */
  readonly exited: Promise<MillraceError | undefined>;

  readonly #id: string;
  readonly #options: HostOptions;
  readonly #pool: Piscina<Birth, void>;
  readonly #worker: Worker;
  readonly #control: MessagePort;
  readonly #logsRead = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #opened = Promise.withResolvers<void>();
  #state: HostState = 'starting';
  #failure: MillraceError | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #sampling: NodeJS.Timeout | undefined;

  constructor(assignment: Assignment, owner: number, options: HostOptions) {
    this.#id = assignment.id;
    this.#options = options;
    const { port1, port2 } = new MessageChannel();
    this.#control = port1;

    // A pool is made for each life: one that is used again would start a thread in place of a dead one at a time of its own choosing.
    this.#pool = new Piscina({
      filename: guest,
      minThreads: 0,
      maxThreads: 1,
      atomics: 'disabled',
      recordTiming: false,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    });
    const birth = { assignment, owner, control: port2, logsRead: this.#logsRead, logLevel: options.logLevel };
    // Piscina infers the type of the list from the wrong overload of `postMessage`.
    const run = this.#pool.run(birth, { transferList: [port2] as never });
    const [worker] = this.#pool.threads;
    if (worker === undefined) throw new MillraceError('MR_LIFECYCLE', `${this.#id} was given no thread.`);
    this.#worker = worker;

    this.running = this.#opened.promise;
    this.running.catch(() => {}); // whoever only waits for the exit learns the same
    this.exited = new Promise((resolve) => {
      // Here and not from the pool's promise, which is settled only after the listeners of the exit event have run.
      worker.once('error', (cause) => this.#died(() => this.#diagnose(cause)));
      worker.once('exit', (code) => {
        this.#died(() => new MillraceError('MR_WORKER_EXIT', `${this.#id} exited with code ${code}.`));
        // Closing the port drops what still stands in it: nothing does.
        this.#control.close();
        resolve(this.#failure);
      });
    });
    this.#control.on('message', (message: FromGuest) => this.#hear(message));
    this.#pool.on('error', (cause) => this.#died(() => this.#diagnose(cause)));
    run.then(
      () => this.#drained(),
      (cause) => this.#died(() => this.#diagnose(cause)),
    );

    const { startTimeoutMs } = options;
    this.#deadline = setTimeout(
      () => this.#kill('MR_WORKER_TIMEOUT', `${this.#id} was not open after ${startTimeoutMs} ms and was killed.`),
      startTimeoutMs,
    );
    this.#sampleMemory(MEMORY_SAMPLE_MS);
  }

  get state(): HostState {
    return this.#state;
  }

  /** What the life ended of, known from the moment it failed. */
  get failure(): MillraceError | undefined {
    return this.#failure;
  }

  /**
   * Asks the component to finish within `drainMs`, and kills it when it does not. One that is still starting has nothing to finish and is
   * ended at once. Unless it shall `drain`, a sink finishes only what it has taken. Resolves like `exited`.
   */
  stop(drainMs: number, drain = true): Promise<MillraceError | undefined> {
    if (this.#state === 'starting') {
      this.#end('stopped');
    } else {
      this.#move('stopping');
      this.#control.postMessage({ type: 'stop', drainMs, drain } satisfies ToGuest);
      const limitMs = Math.round(drainMs + this.#options.closeGraceMs);
      this.#deadline = setTimeout(
        () => this.#kill('MR_WORKER_TIMEOUT', `${this.#id} did not end within ${limitMs} ms and was killed.`),
        limitMs,
      );
    }
    return this.exited;
  }

  #hear(message: FromGuest): void {
    if (message.type === 'log') {
      Atomics.add(this.#logsRead, 0, 1);
      this.#options.onLog(message.record);
    } else if (this.#state === 'starting') {
      clearTimeout(this.#deadline);
      this.#move('running');
      this.#opened.resolve();
    }
  }

  /** Its end and what it said before come on different ways, in any order: what it said is heard first. */
  #died(diagnose: () => MillraceError): void {
    for (;;) {
      const said = receiveMessageOnPort(this.#control);
      if (said === undefined) break;
      this.#hear(said.message);
    }
    this.#fail(diagnose);
  }

  #drained(): void {
    if (this.#state === 'stopping') this.#end('stopped');
    else this.#fail(() => new MillraceError('MR_WORKER_EXIT', `${this.#id} ended by itself.`));
  }

  #kill(code: 'MR_WORKER_TIMEOUT' | 'MR_WORKER_MEMORY', detail: string): void {
    this.#fail(() => new MillraceError(code, detail));
  }

  /** The first cause of an end is the true one: what follows, follows from it. */
  #fail(diagnose: () => MillraceError): void {
    if (this.#state === 'stopped' || this.#state === 'failed') return;
    this.#failure = diagnose();
    this.#end('failed');
  }

  #end(state: 'stopped' | 'failed'): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#sampling);
    this.#move(state);
    this.#opened.reject(
      this.#failure ?? new MillraceError('MR_LIFECYCLE', `${this.#id} was stopped before it was open.`),
    );
    // `close` would wait for what is still running.
    this.#pool.destroy();
  }

  #diagnose(cause: unknown): MillraceError {
    if (isFailureRecord(cause)) {
      return new MillraceError('MR_COMPONENT_FAILED', `${this.#id} failed while ${cause.phase}: ${cause.message}`, {
        cause: unpackFailure(cause),
      });
    }
    const error = cause instanceof Error ? cause : new Error(String(cause));
    if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return new MillraceError('MR_WORKER_MEMORY', `${this.#id} ran out of heap and ended.`, { cause });
    }
    return new MillraceError('MR_COMPONENT_FAILED', `${this.#id} threw what nobody caught: ${error.message}`, {
      cause,
    });
  }

  /** V8's own limits do not see buffers, and a worker that meets one may end the whole process: so the host looks, and is faster. */
  #sampleMemory(afterMs: number): void {
    this.#sampling = setTimeout(async () => {
      const heap = await this.#worker.getHeapStatistics().catch(() => undefined);
      if (heap === undefined || this.#state === 'stopped' || this.#state === 'failed') return;
      const { memoryLimitBytes } = this.#options;
      const bytes = heap.used_heap_size + heap.external_memory;
      if (bytes > memoryLimitBytes) {
        const [held, limit] = [bytes, memoryLimitBytes].map((figure) => Math.round(figure / 2 ** 20));
        this.#kill('MR_WORKER_MEMORY', `${this.#id} held ${held} MiB, its limit is ${limit} MiB, and was killed.`);
      } else {
        this.#sampleMemory(bytes > memoryLimitBytes / 2 ? MEMORY_SAMPLE_NEAR_LIMIT_MS : MEMORY_SAMPLE_MS);
      }
    }, afterMs).unref();
  }

  #move(to: HostState): void {
    const allowed: readonly HostState[] = successors[this.#state];
    if (!allowed.includes(to)) {
      throw new MillraceError('MR_LIFECYCLE', `${this.#id} cannot go from ${this.#state} to ${to}.`);
    }
    this.#state = to;
  }
}

function isFailureRecord(thrown: unknown): thrown is FailureRecord {
  return typeof thrown === 'object' && thrown !== null && 'phase' in thrown;
}
