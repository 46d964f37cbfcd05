import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRaw, zstdDecompress } from 'node:zlib';
import avro from 'avsc';

/** An event as the `avro_event` serializer wrote it. */
export interface FileEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface AvroFile {
  readonly schema?: unknown;
  readonly codec?: string;
  readonly events: readonly FileEvent[];
}

/** What an Avro container file holds. */
export async function readAvroFile(file: string): Promise<AvroFile> {
  const decoder = new avro.streams.BlockDecoder({
    codecs: { null: (data, done) => done(null, data), deflate: inflateRaw, zstandard: zstdDecompress },
  });
  const head: { schema?: unknown; codec?: string } = {};
  decoder.on('metadata', (type: avro.Type, codec: string) => Object.assign(head, { schema: type.schema(), codec }));
  decoder.end(readFileSync(file));
  return { ...head, events: (await decoder.toArray()) as FileEvent[] };
}

/** The events in a directory of one container file, so far. */
export async function eventsIn(directory: string): Promise<readonly FileEvent[]> {
  const [file] = readdirSync(directory);
  if (file === undefined) return [];
  // Where a block is still being written, the rest comes later.
  return (await readAvroFile(join(directory, file)).catch(() => ({ events: [] }))).events;
}
