import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Log } from '../component.ts';
import { MillraceError } from '../errors.ts';
import { version } from '../version.ts';
import { Connection } from './connection.ts';
import { prepareDirectory, removeAbandoned, socketPath, socketsIn } from './directory.ts';
import { type Codec, loadCodec } from './frames.ts';
import { type Controlled, type Ending, type Greeting, PROTOCOL } from './messages.ts';

/** Most clients at a time. */
export const CLIENTS_MAX = 64;
const PATIENCE_MS = 10_000;
/** How long a cause is not logged again. */
const QUIET_MS = 60_000;

export interface ControlOptions {
  /** Name of the agent. */
  readonly agent: string;
  /** Where its socket shall be; made when missing. */
  readonly directory: string;
  readonly log: Log;
  readonly handle: Controlled;
  /** How long a client may be silent before it asks something, or leave an answer unread. Default 10,000. */
  readonly patienceMs?: number;
}

/** A control socket that listens. */
export interface ControlServer {
  readonly path: string;
  /**
   * Removes the socket and closes the connections. With `ended`, those who have asked for the stop are told how it went, and their connections
   * are left to the end of the process, which is what they wait for.
   */
  close(ended?: Ending['ended']): void;
}

/** Lets the user of this process, and nobody else but root, see and steer an agent. Rejects with `MR_CONTROL` when that cannot be. */
export async function serveControl(options: ControlOptions): Promise<ControlServer> {
  const { agent, directory } = options;
  prepareDirectory(directory);
  await Promise.all(socketsIn(directory).map(removeAbandoned));
  const server = new Server(socketPath(directory, agent, process.pid), options);
  await server.listen();
  return server;
}

class Server implements ControlServer {
  readonly path: string;
  readonly #options: ControlOptions;
  readonly #greeting: Greeting;
  readonly #server = createServer((socket) => void this.#accept(socket));
  readonly #connections = new Set<Connection>();
  readonly #complaints = new Map<string, { untilMs: number; suppressed: number }>();
  #codec: Promise<Codec> | undefined;

  constructor(path: string, options: ControlOptions) {
    this.path = path;
    this.#options = options;
    this.#greeting = { millrace: PROTOCOL, version, agent: options.agent, pid: process.pid };
  }

  async listen(): Promise<void> {
    try {
      this.#server.listen(this.path).unref();
      await once(this.#server, 'listening');
      chmodSync(this.path, 0o600);
    } catch (cause) {
      this.#server.close();
      const { code } = cause as NodeJS.ErrnoException;
      throw new MillraceError('MR_CONTROL', `${this.path} cannot be listened on (${code}).`, { cause });
    }
    this.#server.on('error', (error) => this.#complain('could not be accepted', error));
  }

  close(ended?: Ending['ended']): void {
    this.#server.close();
    for (const connection of this.#connections) connection.close(ended);
  }

  async #accept(socket: Socket): Promise<void> {
    socket.on('error', () => {}); // a client that goes away is none of ours
    this.#codec ??= loadCodec();
    const codec = await this.#codec;
    if (socket.destroyed) return;
    const { handle, patienceMs = PATIENCE_MS } = this.#options;
    const connection = new Connection(socket, {
      codec,
      greeting: this.#greeting,
      handle,
      patienceMs,
      onMisuse: (what, error) => this.#complain(what, error),
    });
    if (this.#connections.size >= CLIENTS_MAX) {
      return connection.dismiss(`is one too many: ${CLIENTS_MAX} others are connected`);
    }
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    await connection.serve();
  }

  /** Once a minute for each cause, however many clients do it. */
  #complain(what: string, error: Error | undefined): void {
    const said = this.#complaints.get(what);
    const nowMs = performance.now();
    if (said !== undefined && nowMs < said.untilMs) {
      said.suppressed += 1;
      return;
    }
    const suppressed = said?.suppressed ?? 0;
    this.#complaints.set(what, { untilMs: nowMs + QUIET_MS, suppressed: 0 });
    this.#options.log.warn(
      { code: 'MR_CONTROL', ...(error !== undefined && { error }), ...(suppressed > 0 && { suppressed }) },
      `A client of the control socket ${what}, and was disconnected.`,
    );
  }
}
