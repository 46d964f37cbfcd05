import type { ReloadReport } from '@millrace/kernel/control/messages';
import { count } from '@millrace/kernel/words';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, printable } from '../print.ts';
import { columns } from '../words.ts';
import { type Choice, tell, withAgent } from './agents.ts';

interface ReloadOptions extends Choice {
  readonly plan?: boolean;
}

/** Has an agent apply its configuration as its files are now, or say what that would do. */
export function reload({ plan = false, ...choice }: ReloadOptions): Promise<ExitCode> {
  return withAgent(choice, async ({ client, name }) => {
    const report = await client.ask({ ask: 'reload', planOnly: plan });
    for (const diagnostic of report.diagnostics) tell(diagnostic);
    await print(printable(renderReload(name, report)));
    return report.outcome === 'refused' ? exitCodes.failed : exitCodes.done;
  });
}

function renderReload(name: string, { outcome, changes: { changes, untouched, remarks } }: ReloadReport): string {
  if (outcome === 'refused') return `The configuration of ${name} has errors, so nothing was changed.\n`;
  const others = `${count(untouched, 'component')} ${untouched === 1 ? 'goes' : 'go'} on untouched.\n`;
  const rows = changes.map(({ id, what, why }) => [id, what, why]);
  const title = `${outcome === 'applied' ? `${name} has reloaded` : `What a reload of ${name} would do`}:\n`;
  const told = rows.length === 0 ? 'There is nothing to change. ' : title + columns(rows, [true, true, true]);
  return [told, others, ...remarks.map((remark) => `${remark}\n`)].join('');
}
