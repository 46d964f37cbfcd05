import { inflateRaw, zstdDecompress } from 'node:zlib';
import { type Batch, BatchBuilder } from '@millrace/channel-native';
import { configOf, type Settings } from '@millrace/testkit';
import avro from 'avsc';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { serializerProperties } from './properties.ts';
import { createSerializer, type SerializerConfig } from './serializer.ts';

interface Event {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const text = fc.string({ unit: 'binary', maxLength: 20 });
const anyEvent = fc.record({
  headers: fc.dictionary(
    // A map of avsc cannot hold it.
    text.filter((name) => name !== '__proto__'),
    text,
    { maxKeys: 5, noNullPrototype: true },
  ),
  body: fc.uint8Array({ maxLength: 200 }),
});
const anyBatch = fc.array(anyEvent, { minLength: 1, maxLength: 20 });

function batchOf(events: readonly Event[]): Batch {
  const builder = new BatchBuilder();
  builder.append('an event before the batch');
  for (const { headers, body } of events) builder.append(body, headers);
  builder.append('an event behind it');
  return builder.finish().slice(1, events.length + 1);
}

function serializer(settings: Settings) {
  const properties = serializerProperties('s');
  const declaration = {
    type: 'any',
    classNames: [],
    summary: '',
    stability: 'stable',
    properties,
    metrics: {},
  } as const;
  return createSerializer(configOf(declaration, settings) as SerializerConfig);
}

/** A file of one transaction for each batch. */
async function fileOf(settings: Settings, ...batches: readonly (readonly Event[])[]): Promise<Buffer> {
  const { head, encode } = await serializer(settings);
  return Buffer.concat([head, ...batches.map((events) => encode(batchOf(events)))]);
}

const event = (body: string, headers = {}): Event => ({ body: Buffer.from(body), headers });

describe.for(['text', 'header_and_text'])('%s', (alias) => {
  const textOf = ({ headers, body }: Event, end: string) => {
    const pairs = Object.entries(headers).map(([name, value]) => `${name}=${value}`);
    return [Buffer.from(alias === 'text' ? '' : `{${pairs.join(', ')}} `), body, Buffer.from(end)];
  };

  test.for([
    { appendNewline: true, end: '\n' },
    { appendNewline: false, end: '' },
  ])('writes exactly the bytes of each event, with appendNewline = $appendNewline', async ({ appendNewline, end }) => {
    await fc.assert(
      fc.asyncProperty(anyBatch, anyBatch, async (first, second) => {
        const file = await fileOf({ s: alias, 's.appendNewline': appendNewline }, first, second);
        expect(file).toEqual(Buffer.concat([...first, ...second].flatMap((each) => textOf(each, end))));
      }),
    );
  });
});

test('text is what is written when nothing is said, with line ends', async () => {
  expect(String(await fileOf({}, [event('a', { h: 'v' }), event('')], [event('b\r')]))).toBe('a\n\nb\r\n');
});

test('header_and_text writes headers as Java writes a map', async () => {
  const events = [event('a'), event('b', { host: 'h1', größe: '5' }), event('', { k: '' })];
  expect(String(await fileOf({ s: 'header_and_text' }, events))).toBe('{} a\n{host=h1, größe=5} b\n{k=} \n');
});

describe('avro_event', () => {
  /** Reads a container file as any reader of Avro does. */
  async function read(file: Uint8Array) {
    const decoder = new avro.streams.BlockDecoder({
      codecs: { null: (bytes, done) => done(null, bytes), deflate: inflateRaw, zstandard: zstdDecompress },
    });
    let schema: unknown;
    let codec: unknown;
    decoder.on('metadata', (type, of) => ([schema, codec] = [type.schema(), of]));
    decoder.end(file);
    const events = await decoder.toArray();
    return {
      schema,
      codec,
      events: events.map(({ headers, body }) => ({ headers: { ...headers }, body: new Uint8Array(body) })),
    };
  }

  const codecs = fc.constantFrom('null', 'deflate', 'zstandard');

  test('files are read as the events that were written, whatever the codec and the size of blocks', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyBatch,
        anyBatch,
        codecs,
        fc.integer({ min: 32, max: 2_000 }),
        async (first, second, codec, bytes) => {
          const settings = { s: 'avro_event', 's.compressionCodec': codec, 's.syncIntervalBytes': bytes };
          expect(await read(await fileOf(settings, first, second))).toMatchObject({
            codec,
            events: [...first, ...second],
          });
        },
      ),
    );
  });

  test('the schema is that of Flume', async () => {
    const { schema } = await read(await fileOf({ s: 'avro_event' }));
    expect(schema).toEqual({
      type: 'record',
      name: 'Event',
      fields: [
        { name: 'headers', type: { type: 'map', values: 'string' } },
        { name: 'body', type: 'bytes' },
      ],
    });
  });

  test('a file without events has a head and nothing else', async () => {
    expect((await read(await fileOf({ s: 'avro_event' }))).events).toEqual([]);
  });

  test('every transaction ends a block, and every syncIntervalBytes within it', async () => {
    const { head, encode } = await serializer({ s: 'avro_event', 's.syncIntervalBytes': 80 });
    const sync = head.slice(-16);
    /** How many events the blocks of a transaction hold. */
    const blocks = (events: number) => {
      // 40 bytes each: an empty map, a length of one byte, and the body.
      const bytes = Buffer.from(encode(batchOf(Array.from({ length: events }, () => event('x'.repeat(38))))));
      const counts: number[] = [];
      for (let at = 0; at < bytes.length; at = bytes.indexOf(sync, at) + sync.length) counts.push(bytes[at]! / 2);
      return counts;
    };
    expect([1, 2, 3, 4, 5].map(blocks)).toEqual([[1], [2], [2, 1], [2, 2], [2, 2, 1]]);
  });

  test('text that repeats takes less room when it is compressed', async () => {
    const events = Array.from({ length: 100 }, () => event('again and again '.repeat(10)));
    const length = async (codec: string) =>
      (await fileOf({ s: 'avro_event', 's.compressionCodec': codec }, events)).length;
    const plain = await length('null');
    expect(await length('deflate')).toBeLessThan(plain / 10);
    expect(await length('zstandard')).toBeLessThan(plain / 10);
  });
});
