import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { flume } from './agent.ts';
import type { Load } from './load.ts';

export type Protocol = 'avro' | 'thrift';

/** What one run of clients was like. */
export interface RpcLoad extends Load {
  readonly batchMsP50: number;
  readonly batchMsP99: number;
}

/** What `rpc-bench` prints. */
interface Said {
  readonly events: number;
  readonly seconds: number;
  readonly batch_ms_p50: number;
  readonly batch_ms_p99: number;
  readonly client_cpu_s: number;
}

/** Flume's own clients, a few in one Java process that lives as long as this: none who is measured later has warmer ones. */
export class RpcClients {
  readonly #process: ChildProcess;
  readonly #output: Interface;
  readonly #log: string[] = [];
  readonly #kill = () => this.#process.kill('SIGKILL');

  constructor(protocol: Protocol, options: { readonly clients: number; readonly bodyBytes: number }) {
    const args = ['--protocol', protocol, '--threads', String(options.clients), '--size', String(options.bodyBytes)];
    const log = ['-Xmx512m', '-Dflume.log.level=ERROR'];
    this.#process = spawn(flume, ['rpc-bench', ...args, ...log], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#output = createInterface(this.#process.stdout!);
    createInterface(this.#process.stderr!).on('line', (line) => this.#log.push(line));
    process.once('exit', this.#kill);
  }

  /** Each client sends one batch after the other for so long. Rejects when one was not taken. */
  async send(port: number, batch: number, seconds: number): Promise<RpcLoad> {
    this.#process.stdin!.write(`${port} ${batch} ${seconds}\n`);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const failed = () => reject(new Error(['The clients of Flume failed:', ...this.#log.slice(0, 30)].join('\n')));
    this.#output.once('line', resolve).once('close', failed);
    const said: Said = JSON.parse(await promise.finally(() => this.#output.off('line', resolve).off('close', failed)));
    return {
      events: said.events,
      seconds: said.seconds,
      clientCpuSeconds: said.client_cpu_s,
      batchMsP50: said.batch_ms_p50,
      batchMsP99: said.batch_ms_p99,
    };
  }

  stop(): void {
    process.off('exit', this.#kill);
    this.#kill();
  }
}
