import { eventually, freePort, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { complaints, MIB, pause } from '../faults/agent.ts';
import { deliveredTo, fileRoll, scratchDirectory } from '../file-channel/agent.ts';
import { Feeder } from '../file-channel/feeder.ts';

import { appendBatch, talk } from '../wire/avro.ts';
import { agentOf, listening, type Protocol, sendingTo } from './tier.ts';

const memory = 'type = memory\n capacity = 100000\n byteCapacity = 134217728';
const chain = (source: string, sink: string) =>
  agentOf({ sources: { r1: source }, channels: { c1: memory }, sinks: { k1: sink } });

test.concurrent.for<Protocol>(['avro', 'thrift'])(
  'an agent that is stopped in full flow and started again takes every event from the one before it once, in order: %s',
  { timeout: 60_000 },
  async (type, { expect }) => {
    using scratch = scratchDirectory();
    const port = await freePort();
    const last = chain(listening(type, 'c1', '', port), `channel = c1\n ${fileRoll(scratch.path)}`);
    const first = await runAgent(last);
    await using upper = await runAgent(chain(listening('netcat', 'c1'), sendingTo(port, type, 'c1')));
    const feeder = await Feeder.connect(upper.port('r1'));
    let number = 0;
    let goOn = true;
    const feeding = feeder.feed(() => {
      number += 1;
      return goOn ? `line ${number}` : undefined;
    }, 4);
    await eventually(() => deliveredTo(scratch.path).length, expect).toBeGreaterThan(500);
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    await pause(100);
    goOn = false;
    await feeding;
    feeder.close();

    await using second = await runAgent(last);
    expect(await upper.stop()).toEqual({ code: 0, signal: null });
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    expect(complaints(first)).toEqual([]);
    expect(complaints(second)).toEqual([]);
    expect(complaints(upper).length).toBeLessThan(2);
    expect(feeder.accepted).toEqual(feeder.sent);
    expect(deliveredTo(scratch.path)).toEqual(feeder.accepted);
  },
);

test('a batch that is larger than a request should be goes over in several', async () => {
  using scratch = scratchDirectory();
  const port = await freePort();
  const source = listening('avro', 'c1', `maxInFlightBytes = ${16 * MIB}`, port);
  await using lower = await runAgent(chain(source, `channel = c1\n ${fileRoll(scratch.path)}`));
  await using upper = await runAgent(chain(listening('avro', 'c1'), sendingTo(port, 'avro', 'c1', 'batch-size = 100')));
  const events = Array.from({ length: 40 }, (_, at) => ({
    headers: {},
    body: Buffer.alloc(MIB, String.fromCharCode('a'.charCodeAt(0) + (at % 26))),
  }));
  expect(await talk(upper.port('r1'), [appendBatch(events)])).toEqual(['OK']);
  await eventually(() => deliveredTo(scratch.path).length).toBe(events.length);
  expect(deliveredTo(scratch.path)).toEqual(events.map(({ body }) => String(body)));
  expect([...complaints(upper), ...complaints(lower)]).toEqual([]);
});
