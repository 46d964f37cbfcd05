import { join } from 'node:path';
import { eventually, type RunningAgent, runAgent } from '@millrace/testkit';
import { test } from 'vitest';
import { complaints, pause } from '../faults/agent.ts';
import { deliveredTo, fileFlow, scratchDirectory, withoutSinks } from './agent.ts';
import { Feeder } from './feeder.ts';
import { straceMissing } from './strace.ts';

const missing = straceMissing();
if (missing !== undefined) console.warn(`No disk that fails was tried. ${missing}`);

/** Calls of the log's writer that fail; strace counts them for each thread. */
const failures = [
  { name: 'a sync that fails', fault: 'fdatasync:error=EIO:when=5', doing: 'sync', passes: true },
  { name: 'a write that fails', fault: 'pwritev:error=EIO:when=5', doing: 'write to', passes: true },
  { name: 'a new segment that fails too', fault: 'fdatasync:error=EIO:when=5..6', doing: 'sync', passes: true },
  { name: 'a disk that fails for ever', fault: 'fdatasync:error=EIO:when=5+', doing: 'sync', passes: false },
] as const;

test.skipIf(missing !== undefined).concurrent.for(failures)(
  '$name: puts are refused until there is a new segment, the log says why, and what was answered with OK survives kill -9',
  async ({ fault, doing, passes }, { expect }) => {
    using scratch = scratchDirectory();
    const flow = fileFlow(scratch.path);
    const strace = ['strace', '-D', '-f', '-o', '/dev/null', '-e', 'trace=fdatasync,pwritev', '-e', `inject=${fault}`];
    await using failing = await runAgent(withoutSinks(flow), { under: strace });
    const feeder = await Feeder.connect(failing.port('r1'));
    const refusals = () => feeder.answers.filter((answer) => answer !== 'OK');
    const askUntil = async (enough: () => boolean) => {
      while (!enough()) {
        await feeder.ask(`line ${feeder.sent.length}`);
        await pause(10);
      }
    };
    await askUntil(() => refusals().length > 0);
    const before = feeder.accepted.length;
    await askUntil(() => (passes ? feeder.accepted.length > before + 5 : refusals().length > 50));

    const data = join(scratch.path, 'data');
    const refusal = new RegExp(
      `^FAILED: cannot (${doing}|begin a segment in|make a segment in) ${data}: Input/output error`,
    );
    for (const answer of refusals()) expect(answer).toMatch(refusal);
    // However many puts it was, and whether it was looked at while no puts were taken or afterwards.
    await eventually(() => firstReason(failing), expect).toBe(
      `cannot ${doing} ${data}: Input/output error (os error 5)`,
    );
    expect(complaints(failing).length).toBeLessThan(4);
    expect(before).toBeGreaterThan(0);
    await failing.stop('SIGKILL');

    await using agent = await runAgent(flow);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    expect(complaints(agent)).toEqual([]);
    const delivered = deliveredTo(scratch.path);
    expect(feeder.accepted.filter((line) => !delivered.includes(line))).toEqual([]);
    expect(delivered).toEqual(feeder.sent.filter((line) => delivered.includes(line)));
  },
);

/** Why the channel had to complain first. */
function firstReason({ log }: RunningAgent): string | undefined {
  const line = log.find(({ component, level }) => component === 'a1.channels.c1' && level !== 'info');
  const { message } = (line?.['error'] ?? { message: line?.msg }) as Partial<Error>;
  return message;
}
