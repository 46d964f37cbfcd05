import type { Batch } from '@millrace/kernel/component';
import type { Serializer, SerializerConfig } from '../serializer.ts';

const LINE_END = 0x0a;

export function create({ appendNewline }: SerializerConfig): Serializer {
  return {
    head: new Uint8Array(),

    encode(batch: Batch) {
      // An encoded event has two lengths besides its body, which leaves room for the line end.
      const bytes = Buffer.allocUnsafeSlow(batch.byteLength);
      let length = 0;
      for (let index = 0; index < batch.length; index += 1) {
        const body = batch.bodyView(index);
        bytes.set(body, length);
        length += body.length;
        if (appendNewline) bytes[length++] = LINE_END;
      }
      return bytes.subarray(0, length);
    },
  };
}
