import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program, READY_MS } from './program.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** The script that runs the real Flume and its clients. */
export const flume = join(root, 'test/peers/flume/flume');

export const names = ['Millrace', 'Flume'] as const;
export type Name = (typeof names)[number];

/** How long an agent is loaded before it is measured: until its JIT has compiled what it will. */
export const WARM_SECONDS: Readonly<Record<Name, number>> = { Millrace: 6, Flume: 12 };

/** How often both null sinks say how many events they have dropped, and how. */
const dropped: Record<Name, RegExp> = {
  Millrace: /"events":(\d+).*"Null sink/,
  Flume: /Null sink \S+ successful processed (\d+) events/,
};

/** What the null sink of an agent had dropped at a moment, and what processor time the agent had used until then. */
export interface Count {
  readonly events: number;
  readonly atMs: number;
  readonly cpuSeconds: number;
}

/** A whole agent as a process of its own. It runs the agent `a1` of a configuration. */
export class Agent extends Program {
  /** How many events the null sink has said last; after `stop`, all. */
  events = 0;
  #onCount: ((count: Count) => void) | undefined;

  /** `words` come after those that every agent is started with. */
  constructor(name: Name, configuration: string, words: readonly string[] = []) {
    super(name);
    const file = join(this.directory, 'a1.properties');
    writeFileSync(file, configuration);
    const agent = ['agent', '-n', 'a1', '-f', file, ...words];
    if (name === 'Flume') this.start(flume, agent);
    else this.start(process.execPath, [join(root, 'packages/cli/bin/millrace.js'), ...agent]);
  }

  /** What the null sink says next, `afterMs` from now or later. */
  async nextCount(afterMs: number): Promise<Count> {
    const fromMs = performance.now() + afterMs;
    const { promise, resolve, reject } = Promise.withResolvers<Count>();
    this.#onCount = (count) => {
      if (count.atMs >= fromMs) resolve(count);
    };
    const timer = setTimeout(() => reject(this.failure('says nothing about its events')), afterMs + READY_MS);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#onCount = undefined;
    }
  }

  protected override read(line: string): void {
    super.read(line);
    const events = dropped[this.name as Name].exec(line)?.[1];
    if (events === undefined) return;
    this.events = Number(events);
    this.#onCount?.({ events: this.events, atMs: performance.now(), cpuSeconds: this.cpuSeconds() });
  }
}

/** Measures each of the programs in turns, `runs` times, and collects what that returns. */
export async function inTurns<Which extends string, Value>(
  programs: readonly Which[],
  runs: number,
  measure: (name: Which) => Promise<Value>,
): Promise<Record<Which, Value[]>> {
  const values = Object.fromEntries(programs.map((name) => [name, []])) as unknown as Record<Which, Value[]>;
  for (let run = 0; run < runs; run += 1) {
    // Who begins changes, so that what drifts during a run hurts all alike.
    for (const name of run % 2 === 0 ? programs : programs.toReversed()) values[name].push(await measure(name));
  }
  return values;
}

/** Makes the real Flume ready. Returns why it, or one of these commands of its script, cannot run here, if so. */
export function missingFlume(...commands: string[]): string | undefined {
  try {
    execFileSync(flume, ['setup', ...commands], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    return undefined;
  } catch (error) {
    const { status, stderr } = error as { status: number | null; stderr: string };
    if (status === 3) return stderr.trim().split('\n').at(-1);
    throw error;
  }
}
