import { isatty } from 'node:tty';
import type { Log } from '@millrace/kernel/component';
import type { Diagnostic } from '@millrace/kernel/config/diagnostic';
import type { Loaded } from '@millrace/kernel/config/load';
import { renderDiagnostics } from '@millrace/kernel/config/render';

/** Shows what was found in the files of an agent that will run: rendered on a terminal, as lines of the log otherwise. */
export function showDiagnostics({ diagnostics, texts }: Loaded, log: Log): void {
  if (diagnostics.length === 0) return;
  if (isatty(2)) process.stderr.write(`${renderDiagnostics(diagnostics, texts)}\n\n`);
  else for (const diagnostic of diagnostics) logDiagnostic(diagnostic, log);
}

/** Shows why nothing of an agent can run, which is always for people. */
export function showNothingToRun(agent: string, { diagnostics, texts }: Loaded): void {
  const found = diagnostics.length === 0 ? [] : [renderDiagnostics(diagnostics, texts), ''];
  process.stderr.write(
    `${[...found, `Nothing of agent ${agent} can run, so nothing was started (MR_NOTHING_TO_RUN).`].join('\n')}\n`,
  );
}

function logDiagnostic({ severity, message, ...rest }: Diagnostic, log: Log): void {
  if (severity === 'error') log.error(rest, message);
  else log.warn(rest, message);
}
