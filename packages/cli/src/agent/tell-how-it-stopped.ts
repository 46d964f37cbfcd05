import type { Stopped } from '@millrace/kernel/agent';
import type { Log } from '@millrace/kernel/component';
import { eventsText } from '@millrace/kernel/words';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

/** Says in the log how an agent stopped, above all what was lost, and which exit code that is. */
export function tellHowItStopped({ stuck, lost }: Stopped, log: Log): ExitCode {
  for (const loss of lost) log.error(loss, lossText(loss));
  if (stuck.length > 0) {
    log.error({ stuck }, 'The threads of these components cannot be ended, so the process kills itself.');
  } else {
    log.info({}, 'Stopped.');
  }
  return lost.length === 0 ? exitCodes.done : exitCodes.failed;
}

/** What an end has cost, as a sentence. */
export function lossText({ channel, events }: { channel: string; events: number | null | undefined }): string {
  return `${channel} lost ${eventsText(events)}: accepted, not delivered in time, and held in memory only.`;
}
