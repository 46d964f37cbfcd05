import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { closePipe, openPipe, type Pipe } from '@millrace/channel-native';

/** How a command ended. */
export interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How long a command that is asked to end may take. */
const GRACE_MS = 5_000;
/** How long those that it has started may take longer than itself. */
const REST_MS = 500;
const LOOK_MS = 20;

/** A command that runs, in a process group of its own. */
export class Command {
  /** File descriptor to read what it writes; whoever reads it closes it. */
  readonly output: number;
  /** The same of its standard error, if that is wanted. */
  readonly errors: number | undefined;
  /** Resolves when its first process has ended. */
  readonly exited: Promise<void>;
  readonly #process: ChildProcess;
  #exit: Exit | undefined;
  /** When its worker ends, nobody is left who could read it. */
  readonly #orphan = () => this.#kill('SIGTERM');

  private constructor(child: ChildProcess, output: Pipe, errors: Pipe | undefined) {
    this.#process = child;
    this.output = output.reader;
    this.errors = errors?.reader;
    this.exited = new Promise((resolve) => {
      child.once('exit', (status, signal) => {
        this.#exit = { status, signal };
        resolve();
      });
    });
  }

  /** Starts a program with arguments. Rejects when the system refuses. */
  static async start([program = '', ...args]: readonly string[], wantsErrors: boolean): Promise<Command> {
    const pipes: Pipe[] = [];
    try {
      for (let wanted = wantsErrors ? 2 : 1; wanted > 0; wanted -= 1) pipes.push(openPipe());
      const [output, errors] = pipes as [Pipe, Pipe?];
      // Standard input stays open and brings nothing: programs such as nc would end with it.
      const stdio: StdioOptions = ['pipe', output.writer, errors?.writer ?? 'ignore'];
      const child = spawn(program, args, { detached: true, stdio });
      const command = new Command(child, output, errors);
      await once(child, 'spawn');
      process.once('exit', command.#orphan);
      return command;
    } catch (error) {
      for (const { reader } of pipes) closePipe(reader);
      throw error;
    } finally {
      for (const { writer } of pipes) closePipe(writer);
    }
  }

  /** How its first process ended, once it has. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Ends every process of the group: those that do not go when they are asked are killed. `over` says when nobody writes any more. */
  async end(over: Promise<unknown>): Promise<void> {
    this.#kill('SIGTERM');
    const gone = await within(GRACE_MS, Promise.all([this.exited, over]));
    for (let leftMs = gone ? REST_MS : 0; leftMs > 0 && this.#isThere(); leftMs -= LOOK_MS) await sleep(LOOK_MS);
    this.#kill('SIGKILL');
    if (!gone) await within(REST_MS, Promise.all([this.exited, over]));
  }

  /** Nobody cares for it any more. */
  forget(): void {
    process.off('exit', this.#orphan);
    this.#process.unref();
    this.#process.stdin?.destroy();
  }

  #isThere(): boolean {
    return this.#kill(0);
  }

  #kill(signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(-this.#process.pid!, signal);
    } catch {
      return false; // There is nobody, or nobody whom we may end.
    }
  }
}

/** Whether a promise is fulfilled within so long. */
export async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise.then(() => true), sleep(ms, false, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
