import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchBuilder, ChannelPort, FileChannel, Owner } from '@millrace/channel-native';
import { onTestFinished } from 'vitest';

/** A directory that is gone when the test is. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-channel-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Where a channel lies below a directory: by default as an agent lays it out. */
export function directoriesOf(root: string, disks: readonly string[] = ['data']) {
  return {
    dataDirectories: disks.map((disk) => join(root, disk)),
    checkpointDirectory: join(root, 'checkpoint'),
  };
}

interface Use {
  readonly port: ChannelPort;
  /** Puts events with these bodies as one transaction. */
  put(...bodies: readonly (string | Uint8Array)[]): Promise<void>;
  /** Takes events for good. */
  take(max: number): Promise<string[]>;
}

/** Opens the channel in a directory, lets it be used, and closes it. */
export async function withChannel<T>(
  root: string,
  use: (channel: Use) => Promise<T>,
  { disks, ...options }: { disks?: readonly string[]; sync?: { readonly intervalMs: number } } = {},
): Promise<T> {
  await using channel = await FileChannel.open({
    ...directoriesOf(root, disks),
    capacity: 100_000,
    transactionCapacity: 10_000,
    segmentBytes: 64 << 10,
    keepFreeBytes: 0,
    keepAliveMs: 0,
    ...options,
  });
  using owner = new Owner();
  const port = new ChannelPort(channel.address, owner);
  const builder = new BatchBuilder();
  return await use({
    port,
    async put(...bodies) {
      for (const body of bodies) builder.append(body, { size: String(body.length) });
      await port.put(builder.finish());
    },
    async take(max) {
      using lease = await port.take({ max });
      const bodies = Array.from({ length: lease.batch.length }, (_, at) => String(lease.batch.bodyView(at)));
      await lease.commit();
      return bodies;
    },
  });
}

/** Bodies of about a hundred bytes that say their number. */
export const bodies = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => `event ${from + at} ${'.'.repeat(100)}`);

/** A closed channel with events 500 to 1,999 queued, and those before them delivered. */
export async function filledChannel(root = scratch()): Promise<string> {
  await withChannel(root, async ({ put, take }) => {
    for (let from = 0; from < 2_000; from += 50) await put(...bodies(from, from + 50));
    for (let taken = 0; taken < 500; ) taken += (await take(50)).length;
  });
  return root;
}

/** Names of the segments that hold events, the oldest first. */
export function segments(data: string): string[] {
  const names = readdirSync(data).filter((name) => name.endsWith('.segment'));
  return names
    .filter((name) =>
      readFileSync(join(data, name))
        .subarray(8192, 8200)
        .some((byte) => byte !== 0),
    )
    .sort();
}

/** Changes a file as a broken disk does. */
export function damage(file: string, change: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(file, change(readFileSync(file)));
}

/** Changes one bit of a byte. */
export function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = bytes[at]! ^ 1;
  return bytes;
}

/** What is in a directory, to be compared. */
export function contents(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => name !== 'in_use.lock');
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(directory, name)).toString('base64')]));
}

/** Writes another number into both copies of a segment's header, as a later version or another channel would. */
export function forge(file: string, at: number, value: number): void {
  damage(file, (bytes) => {
    for (const copy of [bytes.subarray(0, 4096), bytes.subarray(4096, 8192)]) {
      copy.writeUInt32LE(0, 12);
      copy.writeUInt32LE(value, at);
      copy.writeUInt32LE(crc32c(copy), 12);
    }
    return bytes;
  });
}

function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
