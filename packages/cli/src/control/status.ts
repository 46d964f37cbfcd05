import type { AgentReport } from '@millrace/kernel/control/messages';
import { exitCodes } from '../exit-codes.ts';
import { print, printable } from '../print.ts';
import { ANSWER_MS, type Choice, findAgents, type RunningAgent, tell, tellNone } from './agents.ts';
import { componentsOf, renderReport } from './table.ts';

interface StatusOptions extends Choice {
  readonly json?: true;
}

/** Says what the agents of this user are doing. */
export async function status({ json, ...choice }: StatusOptions) {
  const found = await findAgents(choice);
  if (found.agents.length + found.silent.length === 0) return tellNone(choice);

  const answers = await Promise.allSettled(found.agents.map(ask));
  const reports = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [String(answer.reason.message)] : []));
  await print(
    json
      ? `${JSON.stringify(reports, undefined, 2)}\n`
      : printable(reports.map((report) => renderReport(report, Date.now())).join('\n')),
  );
  const silent = [...found.silent, ...failures];
  for (const sentence of silent) tell(sentence);
  if (silent.length > 0) return exitCodes.noAgent;
  return reports.every(isWell) ? exitCodes.done : exitCodes.failed;
}

async function ask({ client, label }: RunningAgent): Promise<AgentReport> {
  try {
    return await client.ask({ ask: 'status' }, { timeoutMs: ANSWER_MS });
  } catch (error) {
    throw new Error(`${label} does not say how it is. ${(error as Error).message}`);
  } finally {
    client.close();
  }
}

function isWell(report: AgentReport): boolean {
  return report.state === 'running' && componentsOf(report).every(({ state }) => state === 'running');
}
