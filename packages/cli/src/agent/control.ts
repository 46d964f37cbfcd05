import type { Agent, Stopped } from '@millrace/kernel/agent';
import type { Log } from '@millrace/kernel/component';
import { runDirectories } from '@millrace/kernel/control/directory';
import type { AgentReport, Controlled } from '@millrace/kernel/control/messages';
import { Rates } from '@millrace/kernel/control/rates';
import { reportOf } from '@millrace/kernel/control/report';
import { serveControl } from '@millrace/kernel/control/server';
import type { ExitCode } from '../exit-codes.ts';

export interface OpenControlOptions extends Pick<Controlled, 'stop' | 'reload'> {
  readonly log: Log;
  readonly state: () => AgentReport['state'];
}

/** What an agent is steered by while it runs. */
export interface Control {
  /** Removes the socket, and tells those who have asked for the stop how it went. */
  close(exitCode: ExitCode, stopped: Stopped): void;
}

/** Makes the control socket of an agent. Without one the agent runs as well, and its log says why. */
export async function openControl(agent: Agent, { log, state, stop, reload }: OpenControlOptions): Promise<Control> {
  const status = () => agent.status();
  const rates = new Rates(status);
  const handle: Controlled = { status: () => reportOf(status(), rates, state()), stop, reload };
  try {
    const directory = runDirectories(process.env)[0]!.path;
    const server = await serveControl({ agent: agent.name, directory, log, handle });
    log.info({ path: server.path }, 'Can be asked and steered: millrace status, stop, reload.');
    return {
      close(exitCode, { lost, stuck }) {
        rates.close();
        server.close({ exitCode, stuck, lost: lost.map(({ channel, events = null }) => ({ channel, events })) });
      },
    };
  } catch (error) {
    rates.close();
    log.warn(
      { code: 'MR_CONTROL', error },
      'Runs without a control socket: millrace status, stop and reload do not reach it.',
    );
    return { close() {} };
  }
}
