import type { Batch } from '@millrace/kernel/component';
import type { ConfigOf } from '@millrace/kernel/spec';
import type { serializerProperties } from './properties.ts';

export type SerializerConfig = ConfigOf<ReturnType<typeof serializerProperties>>;

/** Turns events into the bytes of files. One serves all files of a sink, one after the other. */
export interface Serializer {
  /** What every file begins with. */
  readonly head: Uint8Array;
  /** What a batch appends to a file. The bytes are a copy. */
  encode(batch: Batch): Uint8Array;
}

const modules: Record<SerializerConfig['serializer'], () => Promise<{ create(config: SerializerConfig): Serializer }>> =
  {
    text: () => import('./text/serializer.ts'),
    header_and_text: () => import('./header_and_text/serializer.ts'),
    avro_event: () => import('./avro_event/serializer.ts'),
  };

/** The serializer that a sink's configuration names; a worker loads no other. */
export async function createSerializer(config: SerializerConfig): Promise<Serializer> {
  const { create } = await modules[config.serializer]();
  return create(config);
}
