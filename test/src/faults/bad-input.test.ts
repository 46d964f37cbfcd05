import { LineClient, type RunningAgent, runAgent } from '@millrace/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complaints, isWell, MIB, memoryBound, netcatFlow, peakDuring } from './agent.ts';

const TOO_LONG = 'FAILED: Event exceeds the maximum length (512 chars, including newline)';

let agent: RunningAgent;
let idleBytes: number;

beforeAll(async () => {
  agent = await runAgent(netcatFlow({ channel: 'capacity = 10000\n transactionCapacity = 1000', sink: 'type = null' }));
  expect(await isWell(agent)).toBe(true);
  idleBytes = agent.rssBytes();
}, 30_000);

afterAll(async () => {
  expect(await isWell(agent)).toBe(true);
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
  expect(complaints(agent)).toEqual([]);
});

const connect = () => LineClient.connect(agent.port('r1'));

test('a line of 100 MB without an end is refused at 512 characters, and the rest of it is dropped', async () => {
  const client = await connect();
  const peak = await peakDuring(agent, async () => {
    const piece = Buffer.alloc(MIB, 'x');
    for (let sent = 0; sent < 100; sent += 1) await client.write(piece);
  });
  expect(await client.lines(2)).toEqual([TOO_LONG]);
  await client.closed;
  expect(peak).toBeLessThan(memoryBound(idleBytes));
});

test('NULs, invalid UTF-8 and every byte there is are events like others', async () => {
  const client = await connect();
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 0x0a));
  const lines = [
    Buffer.alloc(100),
    Buffer.of(0xff, 0xfe, 0xc0, 0x80),
    everyByte,
    Buffer.of(0xf0, 0x9f, 0x98),
    Buffer.of(),
  ];
  for (const line of lines) await client.write(Buffer.concat([line, Buffer.of(0x0a)]));
  expect(await client.lines(lines.length)).toEqual(lines.map(() => 'OK'));
  await client.close();
});

test('garbage of any kind is answered or refused, and its neighbours do not notice', async () => {
  const neighbour = await connect();
  let seed = 1;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed;
  };
  for (let round = 0; round < 100; round += 1) {
    const client = await connect();
    const garbage = Buffer.from(Array.from({ length: random() % 5_000 }, () => (random() >> 8) & 0xff));
    await client.write(garbage);
    if (round % 3 === 0) await client.reset();
    else await client.close();
    const answers = client.received().toString().split('\n').slice(0, -1);
    const newlines = garbage.filter((byte) => byte === 0x0a).length;
    expect(answers.length).toBeLessThanOrEqual(newlines + 1);
    expect(answers.filter((answer) => answer !== 'OK' && answer !== TOO_LONG)).toEqual([]);
    await neighbour.write('still here\n');
    expect(await neighbour.lines(1)).toEqual(['OK']);
  }
  await neighbour.close();
});

test('a request of another protocol is just lines', async () => {
  const client = await connect();
  await client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(await client.lines(3)).toEqual(['OK', 'OK', 'OK']);
  await client.close();
});
