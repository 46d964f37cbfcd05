import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { median } from 'millrace/dist/bench/stats.js';
import { flume } from './agent.ts';
import type { Work } from './flow.ts';
import type { Program } from './program.ts';

const SAMPLE_MS = 200;

/** What a client says about the load that it was. */
export interface Load {
  readonly events: number;
  readonly seconds: number;
  readonly clientCpuSeconds: number;
}

/** What a program did under a load, from quiet to quiet. */
export interface Run extends Work, Load {
  /** The median of what it had under load. */
  readonly rssMiB: number;
}

/** Measures a program under a load. */
export async function underLoad<Kind extends Load>(program: Program, load: () => Promise<Kind>): Promise<Run & Kind> {
  await program.quiet();
  const before = program.cpuSeconds();
  const samples = [program.rssMiB()];
  const sampling = setInterval(() => samples.push(program.rssMiB()), SAMPLE_MS);
  const done = await load().finally(() => clearInterval(sampling));
  await program.quiet();
  return { ...done, cpuSeconds: program.cpuSeconds() - before, rssMiB: median(samples) };
}

/** What `blast` prints. */
export interface Blast {
  readonly lines: number;
  readonly bytes_back: number;
  readonly seconds: number;
  readonly client_cpu_s: number;
  readonly peer_closed_early: boolean;
}

export type BlastKind = 'netcat' | 'syslog';

/** Sends lines over one connection as fast as they are taken: for so many seconds, or so many of them. */
export async function blast(
  kind: BlastKind,
  port: number,
  amount: { readonly seconds: number } | { readonly lines: number },
  lineBytes: number,
): Promise<Load & { readonly bytesBack: number }> {
  const howMuch = 'lines' in amount ? `${amount.lines}x` : String(amount.seconds);
  const args = ['blast', '127.0.0.1', String(port), howMuch, String(lineBytes), kind];
  const { stdout } = await promisify(execFile)(flume, args);
  const said: Blast = JSON.parse(stdout);
  if (said.peer_closed_early) throw new Error(`The connection was ended before every line was sent: ${stdout}`);
  return {
    events: said.lines,
    seconds: said.seconds,
    clientCpuSeconds: said.client_cpu_s,
    bytesBack: said.bytes_back,
  };
}
