import type { Registration } from '@millrace/kernel/config/plan-types';
import {
  eventually,
  LineClient,
  openSource,
  ScratchChannel,
  type Settings,
  type SourcePeer,
  sourceContract,
} from '@millrace/testkit';
import { describe, expect, test, vi } from 'vitest';
import { netcat } from './spec.ts';

const registration: Registration = { spec: netcat, module: new URL('./source.js', import.meta.url) };
const settings = { bind: '127.0.0.1', port: 0 };

const peer: SourcePeer = {
  settings: (port) => ({ bind: '127.0.0.1', port }),
  async connect(port) {
    const client = await LineClient.connect(port);
    return {
      async send(bodies) {
        await client.write(bodies.map((body) => `${body}\n`).join(''));
        const answers = await client.lines(bodies.length);
        return answers.map((answer) => (answer === 'OK' ? 'accepted' : 'refused'));
      },
      close: () => client.close(),
    };
  },
};

sourceContract(registration, peer);

const FULL =
  "FAILED: Space for commit to queue couldn't be acquired. Sinks are likely not keeping up with sources, or the buffer size is too tight";

interface Stage extends AsyncDisposable {
  readonly channel: ScratchChannel;
  readonly client: LineClient;
  readonly port: number;
  readonly figures: () => Readonly<Record<string, number>>;
  /** How many lines of the log have these words. */
  readonly said: (words: string) => number;
  readonly stop: () => Promise<void>;
}

/** A source with one client, over a channel that holds what it is given. */
async function stage(more: Settings = {}, channel = new ScratchChannel()): Promise<Stage> {
  const source = await openSource(registration, { ...settings, ...more }, { required: [channel] });
  const listening = source.log.lines.find(({ message }) => message === 'Listening.');
  const { port } = listening!.fields['address'] as { port: number };
  const client = await LineClient.connect(port);
  return {
    channel,
    client,
    port,
    figures: source.figures,
    said: (words) => source.log.lines.filter(({ message }) => message.includes(words)).length,
    stop: source.stop,
    async [Symbol.asyncDispose]() {
      client.socket.destroy();
      await source.stop();
      channel[Symbol.dispose]();
    },
  };
}

describe('a line', () => {
  test('ends at \\n alone: \\r stays in the body, and an empty line is an empty body', async () => {
    await using it = await stage();
    await it.client.write('Hello world!\r\n\n\r\nlast\n');
    expect(await it.client.lines(4)).toEqual(['OK', 'OK', 'OK', 'OK']);
    expect(it.channel.take()).toEqual(['Hello world!\r', '', '\r', 'last'].map((body) => ({ headers: {}, body })));
  });

  test('may arrive byte by byte', async () => {
    await using it = await stage();
    for (const byte of Buffer.from('grüß dich 😀\nund\n')) await it.client.write(Uint8Array.of(byte));
    expect(await it.client.lines(2)).toEqual(['OK', 'OK']);
    expect(it.channel.takeBodies()).toEqual(['grüß dich 😀', 'und']);
  });

  test('that is never finished is dropped at the end of the stream, without an answer', async () => {
    await using it = await stage();
    await it.client.write('whole\nhalf');
    await it.client.close();
    expect(it.client.received().toString()).toBe('OK\n');
    expect(it.channel.takeBodies()).toEqual(['whole']);
    expect(it.figures()).toMatchObject({ received: 1, connections: 0 });
  });

  test('with bytes that are not UTF-8 keeps its place, with U+FFFD for them, and so do its neighbours', async () => {
    await using it = await stage();
    await it.client.write(Buffer.from('good\nb\xffd\n\0\0\n\xc3\nstill good\n', 'latin1'));
    expect(await it.client.lines(5)).toEqual(['OK', 'OK', 'OK', 'OK', 'OK']);
    expect(it.channel.takeBodies()).toEqual(['good', 'b\ufffdd', '\0\0', '\ufffd', 'still good']);
  });
});

describe('max-line-length', () => {
  const tooLong = 'FAILED: Event exceeds the maximum length (8 chars, including newline)';

  test.for(['abcdefg', 'äöüßéèê', '漢字漢字漢字漢', '😀😀😀x'])(
    'counts characters and the line end: %s',
    async (line) => {
      await using it = await stage({ 'max-line-length': 8 });
      await it.client.write(`${line}\n`);
      expect(await it.client.lines(1)).toEqual(['OK']);
      await it.client.write(`${line}z\nlost\n`);
      expect(await it.client.lines(2)).toEqual([tooLong]);
      await it.client.closed;
      expect(it.channel.takeBodies()).toEqual([line]);
      expect(it.figures()).toMatchObject({ overlong: 1, received: 1, accepted: 1 });
    },
  );

  test('is found out before the line ends', async () => {
    await using it = await stage({ 'max-line-length': 8 });
    await it.client.write('ok\nabcdefg');
    expect(await it.client.lines(1)).toEqual(['OK']);
    await it.client.write('h');
    expect(await it.client.lines(1)).toEqual([tooLong]);
    await it.client.closed;
  });

  test('is 512 unless something else is said', async () => {
    await using it = await stage();
    await it.client.write(`${'x'.repeat(511)}\n${'y'.repeat(512)}\n`);
    expect(await it.client.lines(2)).toEqual([
      'OK',
      'FAILED: Event exceeds the maximum length (512 chars, including newline)',
    ]);
  });

  test('may be large', async () => {
    await using it = await stage({ 'max-line-length': 2_000_000 });
    const body = 'large '.repeat(300_000);
    await it.client.write(`${body}\nsmall\n`);
    expect(await it.client.lines(2)).toEqual(['OK', 'OK']);
    expect(it.channel.takeBodies()).toEqual([body, 'small']);
  });
});

describe('ack-every-event', () => {
  test('off keeps the source silent about success', async () => {
    await using it = await stage({ 'ack-every-event': false });
    await it.client.write('one\ntwo\n');
    await eventually(() => it.figures()['accepted']).toBe(2);
    await it.client.close();
    expect(it.client.received().toString()).toBe('');
  });

  test('off does not keep it silent about failure', async () => {
    await using it = await stage(
      { 'ack-every-event': false },
      new ScratchChannel({ capacity: 1, transactionCapacity: 1 }),
    );
    await it.client.write('one\ntwo\n');
    expect(await it.client.lines(1)).toEqual([FULL]);
    expect(it.channel.takeBodies()).toEqual(['one']);
    await it.client.write('three\n');
    await eventually(() => it.channel.takeBodies()).toEqual(['three']);
  });
});

describe('encoding', () => {
  test.for([
    ['ISO-8859-1', Buffer.from('gr\xfc\xdfe\n', 'latin1'), Buffer.from('OK\n')],
    ['gbk', Buffer.from([0xc4, 0xe3, 0xba, 0xc3, 0x0a]), Buffer.from('OK\n')],
    ['UTF-16LE', Buffer.from('grüße 😀\n', 'utf16le'), Buffer.from('OK\n', 'utf16le')],
    ['UTF-16BE', Buffer.from('grüße 😀\n', 'utf16le').swap16(), Buffer.from('OK\n', 'utf16le').swap16()],
  ] as const)('%s is what lines are read and answered in; bodies are UTF-8', async ([encoding, line, answer]) => {
    await using it = await stage({ encoding });
    for (const byte of line) {
      await it.client.write(Uint8Array.of(byte));
      await pause(2);
    }
    await eventually(() => it.client.received()).toEqual(answer);
    const [body] = it.channel.takeBodies();
    expect(['grüße', '你好', 'grüße 😀']).toContain(body);
  });

  test.for([
    ['as Java writes it', Buffer.from('\ufeffhi\n', 'utf16le').swap16()],
    ['without a mark it is big-endian, as in Java', Buffer.from('hi\n', 'utf16le').swap16()],
    ['little-endian with its mark', Buffer.from('\ufeffhi\n', 'utf16le')],
  ] as const)('UTF-16: %s', async ([, line]) => {
    await using it = await stage({ encoding: 'UTF-16' });
    await it.client.write(line);
    await eventually(() => it.client.received()).toEqual(Buffer.from('\ufeffOK\n', 'utf16le').swap16());
    await it.client.write(line.subarray(-6));
    await eventually(() => it.client.received()).toEqual(Buffer.from('\ufeffOK\nOK\n', 'utf16le').swap16());
    expect(it.channel.takeBodies()).toEqual(['hi', 'hi']);
  });

  test('that does not exist is refused, and named', async () => {
    using channel = new ScratchChannel();
    await expect(openSource(registration, { ...settings, encoding: 'utf-9' }, { required: [channel] })).rejects.toThrow(
      'There is no character set "utf-9"',
    );
  });
});

describe('a failure', () => {
  test('of want of bytes is told in the words of Flume, and the connection goes on', async () => {
    await using it = await stage({ 'max-line-length': 2_000 }, new ScratchChannel({ byteCapacity: 1_000 }));
    const exhausted =
      'FAILED: Cannot commit transaction. Byte capacity allocated to store event body 800.0reached. Please increase heap space/byte capacity allocated to the channel as the sinks may not be keeping up with the sources';
    await it.client.write(`${'x'.repeat(801)}\n${'y'.repeat(700)}\n${'z'.repeat(200)}\nz\n`);
    expect(await it.client.lines(4)).toEqual([exhausted, 'OK', exhausted, 'OK']);
    expect(it.channel.takeBodies()).toEqual(['y'.repeat(700), 'z']);
  });

  test('because the channel is closed is told too', async () => {
    await using it = await stage();
    it.channel.close();
    await it.client.write('one\ntwo\n');
    expect(await it.client.lines(2)).toEqual(['FAILED: the channel is closed', 'FAILED: the channel is closed']);
  });
});

describe('bind and port', () => {
  test('a name is looked up', async () => {
    await using it = await stage({ bind: 'localhost' });
    await it.client.write('hi\n');
    expect(await it.client.lines(1)).toEqual(['OK']);
  });

  test('a name that does not exist is refused', async () => {
    using channel = new ScratchChannel();
    const nowhere = { bind: 'no-such-host.invalid', port: 0 };
    await expect(openSource(registration, nowhere, { required: [channel] })).rejects.toThrow('no-such-host.invalid');
  });
});

describe('maxInFlightBytes', () => {
  test('stops reading from all clients while so much is unanswered, and loses nothing', async () => {
    const channel = new ScratchChannel({ capacity: 10, transactionCapacity: 10, keepAliveMs: 60_000 });
    await using it = await stage({ maxInFlightBytes: 100_000 }, channel);
    const others = await Promise.all(Array.from({ length: 9 }, () => LineClient.connect(it.port)));
    const clients = [it.client, ...others];
    const line = `${'x'.repeat(99)}\n`;
    for (const client of clients) client.socket.write(line.repeat(20_000));
    await eventually(() => channel.counters().queued).toBe(10);
    // Each client sends 2 MB. What was read of them is what was received, and one piece more for each.
    await pause(300);
    expect(it.figures()['received']! * 100).toBeLessThan(100_000 + 10 * 65_536);

    const sink = setInterval(() => channel.takeBodies(), 1);
    const answers = await Promise.all(clients.slice(0, 2).map((client) => client.lines(2_000)));
    expect(answers.flat().every((answer) => answer === 'OK')).toBe(true);
    for (const client of clients) client.socket.destroy();
    await eventually(() => it.figures()['connections']).toBe(0);
    clearInterval(sink);
  });

  test('lets a line be finished though unfinished lines of others have used it up', async () => {
    await using it = await stage({ maxInFlightBytes: 10_000, 'max-line-length': 100_000 });
    const others = await Promise.all(Array.from({ length: 3 }, () => LineClient.connect(it.port)));
    const clients = [it.client, ...others];
    for (const client of clients) await client.write('x'.repeat(9_000));
    await pause(50);
    for (const client of clients) await client.write('y'.repeat(9_000));
    for (const client of clients) await client.write('\n');
    expect(await Promise.all(clients.map((client) => client.lines(1)))).toEqual(clients.map(() => ['OK']));
    for (const client of others) await client.close();
  });

  test('is not held for ever by a client that does not finish its line', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      await using it = await stage({ maxInFlightBytes: 10_000, 'max-line-length': 100_000 });
      await it.client.write('x'.repeat(15_000));
      await eventually(() => {
        vi.advanceTimersByTime(10_000);
        return it.said('it has hardly gone on with what it had begun to send');
      }).toBe(1);
      await it.client.closed;
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a client', () => {
  test('that has ended its side still gets its answers', async () => {
    const channel = new ScratchChannel({ capacity: 1, transactionCapacity: 1, keepAliveMs: 5_000 });
    await using it = await stage({}, channel);
    it.client.socket.end('one\ntwo\n');
    await eventually(() => it.figures()['accepted']).toBe(1);
    await pause(30);
    expect(channel.takeBodies()).toEqual(['one']);
    expect(await it.client.lines(2)).toEqual(['OK', 'OK']);
    await it.client.closed;
  });

  test('that resets its connection leaves nothing behind, and its neighbours go on', async () => {
    await using it = await stage();
    const other = await LineClient.connect(it.port);
    await other.write('one\nhal');
    expect(await other.lines(1)).toEqual(['OK']);
    await other.reset();
    await eventually(() => it.figures()['connections']).toBe(1);
    await it.client.write('two\n');
    expect(await it.client.lines(1)).toEqual(['OK']);
    expect(it.channel.takeBodies()).toEqual(['one', 'two']);
  });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
