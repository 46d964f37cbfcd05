import { homedir } from 'node:os';
import { join } from 'node:path';
import { FileChannel, type FileChannelOptions } from '@millrace/channel-native';
import type { CreateChannel } from '../../channel.ts';
import type { Log } from '../../component.ts';
import type { ConfigOf } from '../../spec.ts';
import { nativeAddress } from '../native.ts';
import type { file } from './spec.ts';

type Config = ConfigOf<typeof file.properties>;

/** How often the log is told what the channel has found. */
const REPORT_MS = 1_000;
const KEEP_FREE_MIN = 1 << 20;

/** Opens the channel in the main thread: reads what its directories hold, or makes them. */
export const create: CreateChannel = async (config, { id, log }) => {
  const options = optionsOf(config as Config, id);
  const channel = await FileChannel.open(options);
  const reporter = new Reporter(channel, log);
  reporter.report();
  const { recovered } = channel.counters();
  if (recovered > 0) log.info({ events: recovered }, 'Goes on with the events that were in it.');
  return {
    address: nativeAddress(channel.address),
    counters() {
      const counters = channel.counters();
      const unhealthy = channel.fault() === undefined ? 0 : 1;
      return { ...counters, size: counters.queued + counters.leased, capacity: options.capacity, unhealthy };
    },
    trim: () => channel.trim(),
    async close() {
      reporter.close();
      await channel.close();
      return 0;
    },
  };
};

/** Options of the engine for the settings of a channel; directories that are not set are its own, so that no two channels meet. */
function optionsOf(config: Config, id: string): FileChannelOptions {
  const { dataDirectories, checkpointDirectory, backupDirectory, useDualCheckpoints, segmentBytes, ...rest } = config;
  const { keepAliveSeconds, syncPerTransaction, syncIntervalSeconds, keepFreeBytes, bufferBytes, ...same } = rest;
  return {
    ...same,
    dataDirectories: dataDirectories ?? [defaultDirectory(id, 'data')],
    checkpointDirectory: checkpointDirectory ?? defaultDirectory(id, 'checkpoint'),
    backupDirectory: useDualCheckpoints ? backupDirectory : undefined,
    keepAliveMs: keepAliveSeconds * 1_000,
    sync: syncPerTransaction ? 'commit' : { intervalMs: syncIntervalSeconds * 1_000 },
    segmentBytes,
    keepFreeBytes: Math.max(KEEP_FREE_MIN, keepFreeBytes),
    ...(bufferBytes !== undefined && { bufferBytes }),
  };
}

function defaultDirectory(id: string, kind: 'checkpoint' | 'data'): string {
  const [agent = 'agent', , name = id] = id.split('.');
  return join(homedir(), '.flume', 'file-channel', agent, name, kind);
}

/** Tells the log what the channel finds, and when a directory stops and begins to take puts. */
class Reporter {
  readonly #channel: FileChannel;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #cause: string | undefined;

  constructor(channel: FileChannel, log: Log) {
    this.#channel = channel;
    this.#log = log;
    this.#timer = setInterval(() => this.report(), REPORT_MS).unref();
  }

  report(): void {
    const fault = this.#channel.fault();
    const cause = fault && causeOf(fault.message);
    for (const finding of this.#channel.findings()) if (causeOf(finding) !== cause) this.#log.warn({}, finding);
    if (cause === this.#cause) return;
    if (fault === undefined) this.#log.info({}, 'All directories take puts again.');
    else
      this.#log.error({ error: fault }, 'This directory takes no puts until that is over; it tries again by itself.');
    this.#cause = cause;
  }

  close(): void {
    clearInterval(this.#timer);
    this.report();
  }
}

/** What went wrong, without figures that are others the next time. */
function causeOf(message: string): string {
  return message.replaceAll(/\d+/g, '');
}
