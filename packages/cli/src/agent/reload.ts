import type { Agent } from '@millrace/kernel/agent';
import type { Log } from '@millrace/kernel/component';
import { type Changes, comparePlans } from '@millrace/kernel/config/compare';
import { type Loaded, onlyAgent } from '@millrace/kernel/config/load';
import { renderEach } from '@millrace/kernel/config/render';
import type { ReloadReport } from '@millrace/kernel/control/messages';
import { OneAtATime } from '@millrace/kernel/one-at-a-time';
import { showDiagnostics } from './diagnostics.ts';

export interface ReloadOptions {
  readonly agent: Agent;
  readonly log: Log;
  /** Reads the configuration as it is now. */
  readonly load: () => Promise<Loaded>;
}

/** Answers what reads the configuration again and applies it, or only says what that would do. Who asks while it runs shares one more run. */
export function reloading({ agent, log, load }: ReloadOptions): (planOnly: boolean) => Promise<ReloadReport> {
  // Reading and applying are one step: what was read first must not win over what was read later.
  const applying = new OneAtATime(async (): Promise<ReloadReport> => {
    const loaded = await load();
    showDiagnostics(loaded, log);
    const planned = report(agent, loaded);
    if (planned.outcome === 'refused') {
      log.error(
        { code: 'MR_RELOAD' },
        'The configuration has errors, so nothing was changed. The agent goes on as it is.',
      );
      return planned;
    }
    const changes = await agent.reload(loaded.plans.get(agent.name)!);
    log.info(changes, summary(changes));
    return { ...planned, outcome: 'applied', changes };
  });
  return async (planOnly) => (planOnly ? report(agent, await load()) : applying.run());
}

/** What a configuration would change, unless it has errors. */
function report({ name, plan: running }: Agent, loaded: Loaded): ReloadReport {
  // Mistakes of other agents in the same files are theirs.
  const { plans, diagnostics, texts } = onlyAgent(name, loaded);
  const next = plans.get(name);
  const rendered = renderEach(diagnostics, texts);
  const { channels, sinks, sources } = running;
  const unchanged = { changes: [], untouched: channels.length + sinks.length + sources.length, remarks: [] };
  if (next === undefined || diagnostics.some(({ severity }) => severity === 'error')) {
    return { outcome: 'refused', changes: unchanged, diagnostics: rendered };
  }
  return { outcome: 'planned', changes: comparePlans(running, next), diagnostics: rendered };
}

function summary({ changes, untouched }: Changes): string {
  if (changes.length === 0) return 'Reloaded: nothing to change.';
  const done = { start: 'started', restart: 'restarted', stop: 'stopped' } as const;
  const counts = Object.entries(done)
    .map(([what, word]) => [changes.filter((change) => change.what === what).length, word] as const)
    .filter(([number]) => number > 0);
  return `Reloaded: ${[...counts, [untouched, 'untouched']].map(([number, word]) => `${number} ${word}`).join(', ')}.`;
}
