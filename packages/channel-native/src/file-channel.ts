import { addon } from './addon.ts';
import { ChannelError } from './error.ts';
import { memoryBytes } from './limits.ts';
import { allocate, type ChannelCounters, countersOf, INT_MAX } from './memory-channel.ts';
import { releaseClosed, retain } from './owner.ts';
import type { ChannelAddress } from './port.ts';

/** What a file channel is. Times in milliseconds, sizes in bytes. */
export interface FileChannelOptions {
  /** Directories of the log, best on disks of their own. Nobody else may use them. */
  readonly dataDirectories: readonly string[];
  /** Where checkpoints go, which make opening quick. */
  readonly checkpointDirectory: string;
  /** Where a copy of each checkpoint goes. */
  readonly backupDirectory?: string | undefined;
  /** Most events in the channel, those of open takes included. */
  readonly capacity: number;
  /** Most events in one put or take. */
  readonly transactionCapacity: number;
  /** How long a put waits for room. Default 3,000. */
  readonly keepAliveMs?: number;
  /** When puts are made durable: before they are answered, which is the default, or so often. */
  readonly sync?: 'commit' | { readonly intervalMs: number };
  /** Whether a take is only committed when the log has that; else a crash may deliver the last 100 ms again. Default false. */
  readonly takeSync?: boolean;
  /** Most bytes of a segment of the log, at least 64 KiB. Default and maximum 64 MiB. */
  readonly segmentBytes?: number;
  /** Bytes that must stay free on the disk. Default 500 MiB. */
  readonly keepFreeBytes?: number;
  /** How long changes may wait for a checkpoint. Default 30,000. */
  readonly checkpointIntervalMs?: number;
  /** Whether closing writes a checkpoint. Default true. */
  readonly checkpointOnClose?: boolean;
  /**
   * Memory for events on their way. A put may use half of it. Default 256 MiB of address space, at most a quarter of the memory; it is only used where events are.
   */
  readonly bufferBytes?: number;
}

const SEGMENT_MAX = 64 << 20;
const SEGMENT_MIN = 64 << 10;
const DESCRIPTORS_MAX = 65_536;

/** A bounded, transactional queue of events that survives the end of the process. It lives in the thread that opens it; workers reach it by its address. */
export class FileChannel {
  /** What a worker needs to connect; it survives `postMessage` and `workerData`. */
  readonly address: ChannelAddress;
  #closed: Promise<void> | undefined;

  private constructor(address: ChannelAddress) {
    this.address = address;
  }

  /**
   * Opens the channel that is in these directories, or a new one. Rejects with `MR_FILE_…` when what is there is not to be opened, `MR_DISK_…`
   * when the disk does not do its part, and `RangeError` for limits that are none.
   */
  static async open(options: FileChannelOptions): Promise<FileChannel> {
    const { capacity, transactionCapacity, keepAliveMs = 3_000, sync = 'commit' } = options;
    for (const [name, value] of Object.entries({ capacity, transactionCapacity })) {
      if (Number.isInteger(value) && value > 0 && value <= INT_MAX) continue;
      throw new RangeError(`${name} must be a whole number from 1 to ${INT_MAX}, not ${value}.`);
    }
    const bufferBytes = options.bufferBytes ?? Math.floor(Math.min(256 << 20, memoryBytes() / 4));
    const { length, leasesOffset } = addon.memoryLayout({
      capacity: Math.min(capacity, DESCRIPTORS_MAX),
      transactionCapacity,
      slots: INT_MAX,
      byteCapacity: bufferBytes,
    });
    const memory = allocate(length, bufferBytes);
    const settings = {
      dataDirectories: [...options.dataDirectories],
      checkpointDirectory: options.checkpointDirectory,
      ...(options.backupDirectory === undefined ? {} : { backupDirectory: options.backupDirectory }),
      capacity,
      transactionCapacity,
      bufferBytes,
      segmentBytes: Math.max(SEGMENT_MIN, Math.min(options.segmentBytes ?? SEGMENT_MAX, SEGMENT_MAX)),
      keepFreeBytes: options.keepFreeBytes ?? 500 << 20,
      syncIntervalMs: sync === 'commit' ? -1 : sync.intervalMs,
      checkpointIntervalMs: options.checkpointIntervalMs ?? 30_000,
      checkpointOnClose: options.checkpointOnClose ?? true,
      takeSync: options.takeSync ?? false,
    };
    const poisoning = process.env['MILLRACE_POISON'] === '1';
    const { channel: id, code, message } = await addon.openFile(new Uint8Array(memory), settings, poisoning);
    if (id === undefined) throw new ChannelError(code!, message!);
    retain(id, memory);
    return new FileChannel({ id, memory, leasesOffset, capacity, transactionCapacity, keepAliveMs, durable: true });
  }

  /** The channel's figures. Throws once the channel is closed and nothing of it is open. */
  counters(): ChannelCounters {
    return countersOf(this.address.id);
  }

  /** Gives memory that has not been needed lately back to the system. Worth calling every some seconds on an idle channel. */
  trim(): void {
    addon.trimChannel(this.address.id);
  }

  /** Why nothing can be put now, if so: it takes puts again by itself when that is over. */
  fault(): ChannelError | undefined {
    const [code, message] = addon.channelFault(this.address.id);
    return code === undefined ? undefined : new ChannelError(code, message!);
  }

  /** What an operator should know and was not told yet: damage that was found, checkpoints that failed. */
  findings(): string[] {
    return addon.takeFindings(this.address.id);
  }

  /**
   * Ends all waits and refuses everything new; resolves when all that was put is on the disk and the directories are free for others. Takes that commit
   * later are delivered again after the next opening. Closing again waits for the same.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const { code, message } = await addon.closeFile(this.address.id);
    releaseClosed();
    if (code !== undefined) throw new ChannelError(code, message!);
  }
}
