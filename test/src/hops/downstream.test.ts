import { join } from 'node:path';
import { eventually, loggedBodies, type RunningAgent, runAgent } from '@millrace/testkit';
import { test } from 'vitest';
import { complaints } from '../faults/agent.ts';
import { deliveredTo, fileRoll, scratchDirectory } from '../file-channel/agent.ts';
import { Feeder } from '../file-channel/feeder.ts';
import { type Fault, FaultyProxy } from './faulty-proxy.ts';
import { agentOf, listening, type Protocol, sendingTo } from './tier.ts';

const protocols: readonly Protocol[] = ['avro', 'thrift'];
const faults: Readonly<Record<Protocol, readonly Fault[]>> = {
  avro: ['silence', 'cut request', 'lost answer', 'garbage', 'closed at once'],
  thrift: ['silence', 'cut request', 'garbage'],
};
/** One sink for each of these, and behind its fault a source of its own. */
const ways = protocols.flatMap((type) =>
  faults[type].map((fault, number) => ({ type, fault, name: `${type}${number}` })),
);
type Way = (typeof ways)[number];
const each = (make: (way: Way) => string) => Object.fromEntries(ways.map((way) => [way.name, make(way)]));

const memory = 'type = memory\n capacity = 10000';
const LINES = 200;

/** Gives an agent lines, and returns them when they are accepted. */
async function feed(agent: RunningAgent): Promise<readonly string[]> {
  const feeder = await Feeder.connect(agent.port('r1'));
  let left = LINES;
  await feeder.feed(() => {
    left -= 1;
    return left >= 0 ? `line ${String(left).padStart(5, '0')}` : undefined;
  });
  feeder.close();
  return feeder.accepted;
}

test.concurrent('whatever goes wrong behind a sink, it says so, tries again, and everything arrives in order', {
  timeout: 60_000,
}, async ({ expect }) => {
  using scratch = scratchDirectory();
  const directory = ({ name }: Way) => join(scratch.path, name);
  await using lower = await runAgent(
    agentOf({
      sources: each(({ type, name }) => listening(type, name)),
      channels: each(() => memory),
      sinks: each((way) => `channel = ${way.name}\n ${fileRoll(directory(way))}`),
    }),
  );
  await using proxies = new AsyncDisposableStack();
  const ports = new Map<string, number>();
  for (const { name, fault } of ways) {
    ports.set(name, proxies.use(await FaultyProxy.to(lower.port(name), [fault])).port);
  }
  const names = ways.map(({ name }) => name).join(' ');
  await using upper = await runAgent(
    agentOf({
      sources: { r1: listening('netcat', names) },
      channels: each(() => memory),
      sinks: each(({ type, name, fault }) =>
        sendingTo(
          ports.get(name)!,
          type,
          name,
          fault === 'silence' ? 'batch-size = 50\n request-timeout = 1000\n connect-timeout = 1000' : 'batch-size = 50',
        ),
      ),
    }),
  );

  const lines = await feed(upper);
  expect(lines).toHaveLength(LINES);
  for (const way of ways) {
    const once = () => [...new Set(deliveredTo(directory(way)))];
    await eventually(once, expect).toEqual(lines);
    const again = deliveredTo(directory(way)).length - LINES;
    // Only where the first answer was lost can something have arrived twice.
    if (way.fault !== 'lost answer' && way.fault !== 'garbage') expect(again).toBe(0);
    const said = complaints(upper).filter((line) => line.includes(`sinks.${way.name}:`));
    if (way.fault === 'silence') expect(said.length).toBeGreaterThan(0);
    else expect(said, way.fault).toHaveLength(1);
  }
  expect(complaints(lower).filter((line) => !/Connection lost/.test(line))).toEqual([]);
});

test.concurrent.for(protocols)(
  'while the channel behind a %s source is full, the sink keeps what it has, and delivers it when there is room',
  { timeout: 60_000 },
  async (type, { expect }) => {
    const small = 'type = memory\n capacity = 100\n keep-alive = 1';
    const chain = (source: string, sink: string, channel: string) =>
      agentOf({ sources: { r1: source }, channels: { c1: channel }, sinks: { k1: sink } });
    // Nobody reads what this one writes, so it stands still as soon as the pipe is full.
    await using lower = await runAgent(chain(listening(type, 'c1'), 'type = logger\n channel = c1', small), {
      output: 'unread',
    });
    const sink = sendingTo(lower.port('r1'), type, 'c1', 'batch-size = 50');
    const source = listening('netcat', 'c1');
    await using upper = await runAgent(chain(source, sink, memory));
    // More than the pipe and the channel behind it hold, and no more than both channels do.
    const accepted: string[] = [];
    for (let round = 0; round < 10; round += 1) accepted.push(...(await feed(upper)));
    expect(accepted).toHaveLength(10 * LINES);
    await eventually(() => complaints(upper), expect).toEqual([expect.stringMatching(/sinks\.k1: Delivery failed/)]);
    expect(JSON.stringify(upper.log)).toMatch(/has not taken the events \(FAILED\)/);

    lower.readOutput();
    await eventually(() => loggedBodies(lower.output).length, expect).toBeGreaterThanOrEqual(accepted.length);
    expect(loggedBodies(lower.output)).toEqual(accepted);
    expect(await upper.stop()).toEqual({ code: 0, signal: null });
    expect(await lower.stop()).toEqual({ code: 0, signal: null });
  },
);
