import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os';

/** Where the figures come from: they mean nothing without it. */
export function machine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    load1: Number(loadavg()[0]!.toFixed(2)),
    time: new Date().toISOString(),
  };
}
