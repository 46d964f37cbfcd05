import type { Stopped } from '@millrace/kernel/agent';
import type { Log } from '@millrace/kernel/component';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

/** Says in the log how an agent stopped, above all what was lost, and which exit code that is. */
export function tellHowItStopped({ stuck, lost }: Stopped, log: Log): ExitCode {
  for (const { channel, events } of lost) {
    const what =
      events === undefined ? 'an unknown number of events' : `${events} ${events === 1 ? 'event' : 'events'}`;
    log.error(
      { channel, events },
      `${channel} lost ${what}: accepted, not delivered in time, and held in memory only.`,
    );
  }
  if (stuck.length > 0) {
    log.error({ stuck }, 'The threads of these components cannot be ended, so the process kills itself.');
  } else {
    log.info({}, 'Stopped.');
  }
  return lost.length === 0 ? exitCodes.done : exitCodes.failed;
}
