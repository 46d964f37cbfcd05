import { isUtf8 } from 'node:buffer';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Batch, FileDump } from '@millrace/channel-native';
import type { ChannelOptions } from '../commands/channel.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { locate, usedMeanwhile } from './directories.ts';

interface DumpOptions extends ChannelOptions {
  readonly limit?: number;
  readonly all?: true;
  readonly avro?: string;
}

/** What events become. */
interface Form {
  readonly head: Uint8Array;
  encode(batch: Batch): Uint8Array | string;
}

/** Events are written to a container in blocks of so many bytes. */
const CONTAINER_BLOCK = 1 << 20;

/** Prints the events of a channel. */
export async function dump(named: readonly string[], { checkpoint, limit, all, avro }: DumpOptions): Promise<ExitCode> {
  const directories = locate(named, checkpoint);
  const events = new FileDump(directories, { all });
  const form = avro === undefined ? lines : await container();
  const output = avro === undefined ? process.stdout : createWriteStream(avro, { flags: 'wx' });
  try {
    await pipeline(encoded(events, form, limit ?? Infinity), output, { end: avro !== undefined });
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    // The reader has seen enough, as head does.
    if (code === 'EPIPE') return exitCodes.done;
    throw avro === undefined || syscall === undefined ? error : refused(avro, error as NodeJS.ErrnoException);
  }
  const findings = events.findings().map(({ text }) => text);
  const used = findings.length > 0 ? usedMeanwhile(directories) : undefined;
  process.stderr.write([...findings, ...(used === undefined ? [] : [used])].map((text) => `${text}\n`).join(''));
  return findings.length === 0 ? exitCodes.done : exitCodes.failed;
}

async function* encoded(events: FileDump, { head, encode }: Form, limit: number) {
  yield head;
  let left = limit;
  for await (const batch of events) {
    if (left === 0) return;
    const part = batch.slice(0, Math.min(left, batch.length));
    left -= part.length;
    yield encode(part);
  }
}

const lines: Form = {
  head: new Uint8Array(),
  encode(batch) {
    let text = '';
    for (let index = 0; index < batch.length; index += 1) {
      const body = batch.bodyView(index);
      const shown = isUtf8(body) ? { body: body.toString() } : { base64: body.toString('base64') };
      text += `${JSON.stringify({ headers: batch.headers(index), ...shown })}\n`;
    }
    return text;
  },
};

async function container(): Promise<Form> {
  const { create } = await import('@millrace/sinks/avro-event');
  return create({ compressionCodec: 'null', syncIntervalBytes: CONTAINER_BLOCK });
}

function refused(file: string, { code, message }: NodeJS.ErrnoException): Error {
  return new Error(
    code === 'EEXIST' ? `${file} exists: name a file that does not.` : `${file} cannot be written: ${message}.`,
  );
}
