import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileChannel } from '@millrace/channel-native';
import avro from 'avsc';
import { describe, expect, test } from 'vitest';
import { runBin, startBinInShell, startBinOnTerminal } from '../bin.test.fixture.ts';
import {
  bodies,
  contents,
  damage,
  directoriesOf,
  filledChannel,
  flip,
  forge,
  scratch,
  segments,
  withChannel,
} from './file-channel.test.fixture.ts';

const channel = (...args: readonly string[]) => runBin('millrace', ['channel', ...args]);
const eventsOf = (stdout: string): { headers: object; body?: string; base64?: string }[] =>
  stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
const bodiesOf = (stdout: string) => eventsOf(stdout).map(({ body }) => body);

/** A channel with events 500 to 1,999, of which a segment in the middle has a byte changed. */
async function damagedChannel() {
  const root = await filledChannel();
  const data = join(root, 'data');
  const name = segments(data)[2]!;
  damage(join(data, name), (bytes) => flip(bytes, 8192 + 80));
  return { root, data, file: join(data, name) };
}

describe('status', () => {
  test('says what is queued, since when, how safe it is, and what the next start will read', async () => {
    const root = await filledChannel();
    const { code, stdout, stderr } = await channel('status', root);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^queued +1,500 events in about 2\d\d KiB of the log; the oldest was put (just now|\d+ s ago) \(20/m,
    );
    expect(stdout).toMatch(/^on disk .* in \d segments/m);
    expect(stdout).toMatch(
      /^durability +every transaction is on the disk before it is answered\. A loss of power takes nothing/m,
    );
    expect(stdout).toMatch(/^checkpoint +up to byte [\d,]+ of 0{15}\d\.segment, written (just now|\d+ s ago)$/m);
    expect(stdout).toMatch(/^next start +reads nothing of the log$/m);
    expect(stdout).toMatch(/^0{15}\d\.segment +64 KiB +\d+ +\d+$/m);
    expect(stdout).toContain(`Nothing wrong was found.`);
  });

  test('says the same as JSON', async () => {
    const root = await filledChannel();
    const { stdout } = await channel('status', join(root, 'data'), '--json');
    const status = JSON.parse(stdout);
    expect(status).toMatchObject({
      queued: 1_500,
      durability: 'transaction',
      unreadBytes: 0,
      directories: [{ findings: [] }],
    });
    const [{ segments: all, checkpointMs }] = status.directories;
    expect(all.reduce((sum: number, { queued }: { queued: number }) => sum + queued, 0)).toBe(1_500);
    expect(Date.now() - checkpointMs).toBeLessThan(60_000);
  });

  test('says what a loss of power would take of a channel that syncs in intervals', async () => {
    const root = scratch();
    await withChannel(root, ({ put }) => put('a'), { sync: { intervalMs: 50 } });
    const { stdout } = await channel('status', root);
    expect(stdout).toMatch(/A loss of power takes what the last fsyncInterval seconds brought/);
    expect(stdout).toContain('1 event in');
  });

  test('without a checkpoint, the whole log is read', async () => {
    const root = await filledChannel();
    const elsewhere = join(scratch(), 'log');
    cpSync(join(root, 'data'), elsewhere, { recursive: true });
    const alone = await channel('status', elsewhere);
    expect(alone.stdout).toMatch(/^queued +1,500 events/m);
    expect(alone.stdout).toMatch(/none that fits: the next start reads the whole log/);
    const together = await channel('status', elsewhere, '--checkpoint', join(root, 'checkpoint'));
    expect(together.stdout).toMatch(/next start +reads nothing of the log/);
  });

  test('one directory of several is said to be one of several', async () => {
    const root = scratch();
    const disks = ['disk1', 'disk2'];
    await withChannel(root, ({ put }) => put('a', 'b'), { disks });
    const one = await channel('status', join(root, 'disk1'));
    expect(one.stdout).toContain('the channel has 2 data directories');
    const both = await channel('status', ...disks.map((disk) => join(root, disk)));
    expect(both.stdout).toMatch(/^queued +2 events/m);
    expect(both.stdout).toContain('Nothing wrong was found');
  });
});

describe('verify', () => {
  test('ends with 0 where everything is as it should be', async () => {
    const { code, stdout } = await channel('verify', await filledChannel());
    expect(stdout).toMatch(
      /^Compared \d+ records with [\d,]+ events in \d segments .*\. Queued: 1,500 events, 1\d\d KiB\.\nEverything is/,
    );
    expect(code).toBe(0);
  });

  test('names the file and the byte of what is wrong, and what is lost, and ends with 1', async () => {
    const { root, file } = await damagedChannel();
    const { code, stdout } = await channel('verify', root);
    expect(stdout).toContain(`${file}, byte 8192: no record can be read from here to byte `);
    expect(stdout).toMatch(/^1 thing is not as it should be\./m);
    expect(stdout).toContain('50 events are lost. What can be done about it: millrace channel repair');
    expect(code).toBe(1);
  });

  test('shows on a terminal how far it is', async () => {
    const { stdout } = await startBinOnTerminal('millrace', ['channel', 'verify', await filledChannel()]).ended;
    expect(stdout).toMatch(/\r.*100 % of \d+ KiB compared/);
  });
});

describe('dump', () => {
  test('prints the queued events in order, and changes nothing', async () => {
    const root = await filledChannel();
    const before = contents(join(root, 'data'));
    const { code, stdout, stderr } = await channel('dump', root);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(bodiesOf(stdout)).toEqual(bodies(500, 2_000));
    expect(eventsOf(stdout)[0]!.headers).toEqual({ size: '110' });
    expect(contents(join(root, 'data'))).toEqual(before);
    expect((await channel('status', root)).stdout).toMatch(/^queued +1,500 events/m);
  });

  test('prints at most as many as are wanted, and those that were delivered if they are wanted', async () => {
    const root = await filledChannel();
    expect(bodiesOf((await channel('dump', root, '--limit', '60')).stdout)).toEqual(bodies(500, 560));
    expect((await channel('dump', root, '--limit', '0')).stdout).toBe('');
    const all = bodiesOf((await channel('dump', root, '--all')).stdout);
    expect(all.length).toBeGreaterThan(1_500);
    expect(all).toEqual(bodies(2_000 - all.length, 2_000));
  });

  test('writes a body that is no text as base64', async () => {
    const root = scratch();
    await withChannel(root, ({ put }) => put('größe "\n', new Uint8Array([0xff, 0]), ''));
    const { stdout } = await channel('dump', root);
    expect(eventsOf(stdout)).toEqual([
      { headers: { size: '8' }, body: 'größe "\n' },
      { headers: { size: '2' }, base64: '/wA=' },
      { headers: { size: '0' }, body: '' },
    ]);
  });

  test('merges several directories in the order in which the events were put', async () => {
    const root = scratch();
    const disks = ['disk1', 'disk2', 'disk3'];
    await withChannel(
      root,
      async ({ put }) => {
        for (let from = 0; from < 300; from += 7) await put(...bodies(from, from + 7));
      },
      { disks },
    );
    const directories = disks.map((disk) => join(root, disk));
    const used = directories.filter((directory) => segments(directory).length > 0);
    expect(used.length).toBeGreaterThan(1);
    expect(bodiesOf((await channel('dump', ...directories)).stdout)).toEqual(bodies(0, 301));
  });

  test('writes a container that any reader of Avro reads', async () => {
    const file = join(scratch(), 'events.avro');
    const root = await filledChannel();
    expect((await channel('dump', root, '--avro', file)).code).toBe(0);
    const decoder = avro.createFileDecoder(file);
    const read = await decoder.toArray();
    expect(read.map(({ body }: { body: Uint8Array }) => String(body))).toEqual(bodies(500, 2_000));
    expect({ ...read[0].headers }).toEqual({ size: '110' });
    const again = await channel('dump', root, '--avro', file);
    expect(again).toMatchObject({ code: 1, stdout: '', stderr: `${file} exists: name a file that does not.\n` });
  });

  test('leaves out what cannot be read, and says so', async () => {
    const { root, file } = await damagedChannel();
    const { code, stdout, stderr } = await channel('dump', root);
    expect(eventsOf(stdout)).toHaveLength(1_450);
    expect(stderr).toMatch(new RegExp(`^${file}, byte 8192: bytes 8192 to \\d+ cannot be read`));
    expect(code).toBe(1);
  });

  test('ends when its reader has seen enough', async () => {
    const { ended } = startBinInShell('"$@" | head -n 1', 'millrace', ['channel', 'dump', await filledChannel()]);
    const { stdout, stderr } = await ended;
    expect(bodiesOf(stdout)).toEqual(bodies(500, 501));
    expect(stderr).toBe('');
  });
});

describe('repair', () => {
  test('says what it would do, and does nothing', async () => {
    const { root, data, file } = await damagedChannel();
    const before = contents(data);
    const { code, stdout } = await channel('repair', root);
    expect(stdout).toMatch(new RegExp(`^- copy ${file} to 0{15}\\d\\.damaged`, 'm'));
    expect(stdout).toMatch(new RegExp(`^- fill bytes 8192 to \\d+ of ${file}, .*; 50 events are lost$`, 'm'));
    expect(stdout).toContain(`Nothing was changed. To do it: millrace channel repair --yes ${data}`);
    expect(contents(data)).toEqual(before);
    expect(code).toBe(1);
  });

  test('does it with --yes: then all is well, the rest is delivered, and the damaged bytes are kept', async () => {
    const { root, data, file } = await damagedChannel();
    const damaged = readFileSync(file);
    const { code, stdout } = await channel('repair', '--yes', root);
    expect(stdout).toMatch(/50 events are lost\n(.*\n)*Done\.\n$/);
    expect(code).toBe(0);
    expect(readFileSync(file.replace('segment', 'damaged')).equals(damaged)).toBe(true);
    expect((await channel('verify', root)).code).toBe(0);
    expect((await channel('repair', root)).stdout).toBe('There is nothing to mend.\n');
    const delivered = await withChannel(root, async ({ take }) => {
      const all: string[] = [];
      while (all.length < 1_450) all.push(...(await take(1_000)));
      return all;
    });
    expect(delivered.every((body) => bodies(500, 2_000).includes(body))).toBe(true);
    expect(readdirSync(data)).toContain(file.slice(-24).replace('segment', 'damaged'));
  });

  const refusals: Record<string, (data: string) => void> = {
    'a segment of a later version': (data) => forge(join(data, segments(data)[1]!), 8, 2),
    'a segment of another channel': (data) => {
      const name = '00000000000000ff.segment';
      copyFileSync(join(data, segments(data)[1]!), join(data, name));
      forge(join(data, name), 24, 0xff);
      forge(join(data, name), 16, 7);
    },
    'no header at all': (data) => {
      for (const name of segments(data)) damage(join(data, name), (bytes) => bytes.fill(0, 0, 8192));
    },
  };
  test.for(Object.entries(refusals))('opens what was refused for %s', async ([, spoil]) => {
    const root = await filledChannel();
    spoil(join(root, 'data'));
    const open = () => withChannel(root, ({ take }) => take(1));
    await expect(open()).rejects.toThrow(/version|belongs|no header/);
    const refused = await channel('verify', root);
    expect(refused.stdout).toMatch(
      /^\S+\.segment: .*\nWhether that can be mended, says: millrace channel repair \S+\n$/,
    );
    expect(refused.code).toBe(1);
    const asked = await channel('repair', root);
    expect(asked.stdout).toContain('Nothing was changed.');
    await expect(open()).rejects.toThrow();
    const done = await channel('repair', '--yes', root);
    expect(done.stderr).toBe('');
    expect(done.code).toBe(0);
    expect((await channel('verify', root)).stdout).toContain('Everything is as it should be');
    expect((await open())[0]).toMatch(/^event \d+/);
  });
});

describe('a channel that is in use', () => {
  test.for(['status', 'verify', 'dump', 'repair'])('%s says who uses it, and leaves it alone', async (part) => {
    const root = scratch();
    const open = await FileChannel.open({
      ...directoriesOf(root),
      capacity: 10,
      transactionCapacity: 10,
      keepFreeBytes: 0,
    });
    try {
      const { code, stdout, stderr } = await channel(part, root);
      expect(stdout).toBe('');
      expect(stderr).toContain(`${join(root, 'data')} is in use by process ${process.pid} since 2`);
      expect(code).toBe(1);
    } finally {
      await open.close();
    }
  });
});

describe('what is no channel is answered with a sentence', () => {
  const cases: Record<string, readonly [(root: string) => void, (root: string) => string, string]> = {
    'a missing directory': [() => {}, (root) => join(root, 'missing'), 'does not exist'],
    'a file': [(root) => writeFileSync(join(root, 'file'), ''), (root) => join(root, 'file'), 'is not a directory'],
    'an empty directory': [() => {}, (root) => root, 'neither a *.segment file nor a directory data'],
    'an empty data directory': [(root) => mkdirSync(join(root, 'data')), (root) => root, 'it has no *.segment file'],
    'a directory of Flume': [
      (root) => writeFileSync(join(root, 'log-1.meta'), ''),
      (root) => root,
      'belongs to a file channel of Flume',
    ],
    'a directory of checkpoints': [
      (root) => writeFileSync(join(root, '0123456789abcdef.checkpoint'), ''),
      (root) => root,
      'behind --checkpoint',
    ],
    'the directory of an agent': [
      (root) => mkdirSync(join(root, 'c1/data'), { recursive: true }),
      (root) => root,
      'Did you mean',
    ],
    garbage: [
      (root) => writeFileSync(join(root, '0000000000000001.segment'), Buffer.alloc(100_000, 'garbage')),
      (root) => root,
      'has no header that can be read',
    ],
  };
  test.for(Object.entries(cases))('%s', async ([, [prepare, named, advice]]) => {
    const root = scratch();
    prepare(root);
    for (const part of ['status', 'verify', 'dump']) {
      const { code, stdout, stderr } = await channel(part, named(root));
      expect(stdout + stderr).toContain(advice);
      expect(stdout + stderr).not.toContain('    at ');
      expect(code).toBe(1);
    }
  });
});

test('whatever happens to its files, a channel can be looked at, mended, and opened', {
  timeout: 120_000,
}, async () => {
  const spoils: ((bytes: Buffer, at: number) => Uint8Array)[] = [
    (bytes, at) => flip(bytes, at),
    (bytes, at) => bytes.subarray(0, at),
    (bytes, at) => bytes.fill(0xa5, at, at + 9_000),
    () => new Uint8Array(),
  ];
  for (const [index, spoil] of spoils.entries()) {
    const root = await filledChannel();
    const data = join(root, 'data');
    for (const [number, name] of segments(data).entries()) {
      if (number % 2 === index % 2) damage(join(data, name), (bytes) => spoil(bytes, 5_000 + 7_000 * number));
    }
    for (const part of ['status', 'verify', 'dump', 'repair']) {
      const { code, stdout, stderr } = await channel(part, root);
      expect(stdout + stderr).not.toMatch(/ {4}at |panic/);
      expect([0, 1]).toContain(code);
    }
    expect((await channel('repair', '--yes', root)).code).toBe(0);
    expect((await channel('verify', root)).stdout).toContain('Everything is as it should be');
    await withChannel(root, ({ put }) => put('one more'));
  }
});
