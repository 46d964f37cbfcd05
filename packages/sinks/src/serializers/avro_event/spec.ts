import { defineSerializer, property } from '@millrace/kernel/spec';
import { integer, oneOf } from '@millrace/kernel/types';

export const avroEvent = defineSerializer({
  type: 'avro_event',
  classNames: ['org.apache.flume.serialization.FlumeEventAvroEventSerializer$Builder'],
  summary:
    'Writes Avro container files of records `Event` with the fields `headers` (a map of strings) and `body` (bytes). Every transaction ends a block.',
  stability: 'stable',
  properties: {
    syncIntervalBytes: property(
      'syncIntervalBytes',
      integer(32, 2 ** 30).default(2_048_000),
      'A transaction of more bytes is cut into blocks of about so many.',
    ),
    compressionCodec: property(
      'compressionCodec',
      oneOf({ null: [], deflate: [], zstandard: [] }).default('null'),
      'How blocks are compressed; `null`: not at all.',
      { whenBad: 'default' },
    ),
  },
  metrics: {},
});
