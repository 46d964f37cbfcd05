import { once } from 'node:events';
import { Agent } from '@millrace/kernel/agent';
import { type Loaded, loadConfiguration } from '@millrace/kernel/config/load';
import type { Plan } from '@millrace/kernel/config/plan-types';
import type { AgentRequest } from '../commands/agent.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type OpenLog, openLog } from '../log.ts';
import { quoted } from '../shell.ts';
import { registry } from './components.ts';
import { openControl } from './control.ts';
import { showDiagnostics, showNothingToRun } from './diagnostics.ts';
import { configurationFiles } from './files.ts';
import { startMonitoring, tellFigures } from './monitoring.ts';
import { reloading } from './reload.ts';
import { stopSignal } from './stop-signal.ts';
import { gatherSurroundings } from './surroundings.ts';
import { tellHowItStopped } from './tell-how-it-stopped.ts';
import { type WatchOptions, watchForChange, writtenAt } from './watch.ts';
import { flagsWithoutEffect } from './without-effect.ts';

const POLL_INTERVAL_SECONDS = 30;

/** Runs an agent until it is asked to stop, and says how that ended. */
export async function runAgent(request: AgentRequest): Promise<ExitCode> {
  // Who asks for a reload before anything runs gets what is about to be read, instead of the end of the process.
  process.on('SIGHUP', () => {});
  const { name } = request;
  const { system, environment, notes } = gatherSurroundings(request.conf, request.systemProperties);
  const { files, notes: notesOnFiles } = configurationFiles(request);
  if (request.dryrun && files.length > 0) return dryRun(name, files, system);

  const { log, level } = await openLog(name, system);
  for (const note of [...request.notes, ...notes, ...notesOnFiles, ...flagsWithoutEffect(request)]) log.warn({}, note);
  if (files.length === 0) {
    process.stderr.write('There is no configuration to read, so nothing was started. Give a file: -f FILE\n');
    return exitCodes.failed;
  }

  // From before the files are read, so that no change is missed.
  const since = writtenAt(files);
  const load = () => loadConfiguration({ files, system, environment, registry, agent: name });
  const loaded = await load();
  const plan = loaded.plans.get(name);
  if (plan === undefined) {
    showNothingToRun(name, loaded);
    return exitCodes.failed;
  }
  showDiagnostics(loaded, log);

  const everyMs = (request.pollInterval || POLL_INTERVAL_SECONDS) * 1_000;
  return runPlan(plan, { log, level, system, load, watch: request.reloadConf ? { since, everyMs } : undefined });
}

interface RunOptions extends OpenLog {
  readonly system: ReadonlyMap<string, string>;
  /** Reads the configuration as it is now. */
  readonly load: () => Promise<Loaded>;
  /** How to look whether it has changed, if at all. */
  readonly watch: WatchOptions | undefined;
}

/** Runs what a configuration says, and what it says later. */
async function runPlan(plan: Plan, { log, level, system, load, watch }: RunOptions): Promise<ExitCode> {
  const { signal, stop } = stopSignal(
    (reason) => log.info({ signal: reason }, 'Stopping: sources accept nothing more, sinks deliver the rest.'),
    () => reloadUnasked({ signal: 'SIGHUP' }, 'Asked to reload the configuration.'),
  );
  const agent = new Agent(plan, { log, logLevel: level, signal });
  const reload = reloading({ agent, log, load });
  const reloadUnasked = (why: object, what: string) => {
    log.info(why, what);
    reload(false).catch((error) => signal.aborted || log.error({ error }, 'Could not reload the configuration.'));
  };
  const metrics = await startMonitoring(system, { status: () => agent.status(), log });
  let started = false;
  const control = await openControl(agent, {
    log,
    state: () => (signal.aborted ? 'stopping' : started ? 'running' : 'starting'),
    stop: () => stop('millrace stop'),
    reload,
  });
  await agent.start();
  started = true;
  const endWatch = watch && watchForChange(watch, (file) => reloadUnasked({ file }, 'The configuration has changed.'));
  if (!signal.aborted) await once(signal, 'abort');

  endWatch?.();
  const stopped = await agent.stop();
  await metrics?.close();
  tellFigures(agent.status(), log);
  const code = tellHowItStopped(stopped, log);
  control.close(code, stopped);
  if (stopped.stuck.length > 0) process.kill(process.pid, 'SIGKILL');
  return code;
}

/** Prints the command line that all files and variables amount to. */
function dryRun(name: string, files: readonly string[], system: ReadonlyMap<string, string>): ExitCode {
  const settings = [...system].map(([key, value]) => `-D${key}=${value}`);
  const words = ['agent', '--name', name, ...files.flatMap((file) => ['--conf-file', file]), ...settings];
  process.stdout.write(`millrace ${words.map(quoted).join(' ')}\n`);
  return exitCodes.done;
}
