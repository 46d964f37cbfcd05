import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { machine } from 'millrace/dist/bench/machine.js';
import { type Case, help, type Options, readOptions, UsageError } from './options.ts';
import { render, renderBars } from './report.ts';
import type { Result, Skipped } from './result.ts';

/** Each benchmark is loaded only when it runs. */
const benchmarks: Record<Case, () => Promise<{ run(options: Options): Promise<Result | Skipped> }>> = {
  ring: () => import('./ring/ring.ts'),
  seq: () => import('./hops/seq.ts'),
  netcat: () => import('./hops/netcat.ts'),
  exec: () => import('./hops/exec.ts'),
  avro: () => import('./hops/avro.ts'),
  thrift: () => import('./hops/thrift.ts'),
  'avro-file': () => import('./hops/avro-file.ts'),
  'two-hops': () => import('./hops/two-hops.ts'),
  syslogtcp: () => import('./hops/syslogtcp.ts'),
  syslogudp: () => import('./hops/syslogudp.ts'),
  metrics: () => import('./hops/metrics.ts'),
  channels: () => import('./channels/channels.ts'),
  reopen: () => import('./reopen/reopen.ts'),
};

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(help);
  else await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nnpm run bench -- --help explains the options.\n`);
  process.exitCode = 2;
}

async function main(options: Options): Promise<void> {
  const { only, json } = options;
  const results: object[] = [];
  const bars: Result['bars'][number][] = [];
  for (const name of only) {
    const on = machine();
    process.stderr.write(`${name}: ${on.cpu}, ${on.cores} cores, Node ${on.node}, load ${on.load1}\n`);
    const { run } = await benchmarks[name]();
    const result = await run(options);
    process.stdout.write(`\n${render(result)}\n`);
    results.push({ name, machine: on, ...result });
    if ('bars' in result) bars.push(...result.bars);
    // After each, so that an interruption loses only what runs.
    if (json !== undefined) write(json, results);
  }
  if (only.length > 1 && bars.length > 0) process.stdout.write(`\nAll bars\n────────\n${renderBars(bars)}`);
}

function write(file: string, results: readonly object[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
}
