import { setTimeout as delay } from 'node:timers/promises';
import type { Ending } from '@millrace/kernel/control/messages';
import { lossText } from '../agent/tell-how-it-stopped.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { printable } from '../print.ts';
import { ANSWER_MS, type Choice, tell, withAgent } from './agents.ts';

interface StopOptions extends Choice {
  /** In seconds. */
  readonly timeout: number;
}

/** Asks an agent to stop, waits for the end of its process, and says how it went. */
export function stop({ timeout, ...choice }: StopOptions): Promise<ExitCode> {
  return withAgent(choice, async ({ client, name, label }) => {
    await client.ask({ ask: 'stop' }, { timeoutMs: ANSWER_MS });
    say(`${label} is stopping: its sources accept nothing more, its sinks deliver the rest.`);
    const ended = await Promise.race([
      client.closed,
      delay(timeout * 1_000, 'still stopping' as const, { ref: false }),
    ]);
    if (ended === 'still stopping') {
      tell(
        `${name} has not ended within ${timeout} s, and goes on stopping; nothing was forced. What it waits for: millrace status -n ${name}`,
      );
      return exitCodes.failed;
    }
    return tellEnding(name, ended);
  });
}

function tellEnding(name: string, ended: Ending['ended'] | undefined): ExitCode {
  if (ended === undefined) {
    tell(`${name} has ended without saying how: it was killed, or it crashed. Its log may know more.`);
    return exitCodes.failed;
  }
  for (const loss of ended.lost) tell(lossText(loss));
  if (ended.stuck.length > 0)
    tell(`The threads of ${ended.stuck.join(', ')} could not be ended, and the process killed itself.`);
  if (ended.lost.length === 0) say(`${name} has stopped. What it had accepted was delivered, or is kept.`);
  return ended.exitCode === 0 ? exitCodes.done : exitCodes.failed;
}

const say = (text: string) => void process.stdout.write(`${printable(text)}\n`);
