import type { Batch, Headers } from '@millrace/kernel/component';
import type { Serializer, SerializerConfig } from '../serializer.ts';

export function create({ appendNewline }: SerializerConfig): Serializer {
  const end = Buffer.from(appendNewline ? '\n' : '');
  return {
    head: new Uint8Array(),

    encode(batch: Batch) {
      const parts: Uint8Array[] = [];
      for (let index = 0; index < batch.length; index += 1) {
        parts.push(Buffer.from(`${mapText(batch.headers(index))} `), batch.bodyView(index), end);
      }
      return Buffer.concat(parts);
    },
  };
}

/** Headers as the text of a Java map. */
function mapText(headers: Headers): string {
  const pairs = Object.entries(headers).map(([name, value]) => `${name}=${value}`);
  return `{${pairs.join(', ')}}`;
}
