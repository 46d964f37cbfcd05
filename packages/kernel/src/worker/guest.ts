import { MillraceError } from '../errors.ts';
import { WorkerLog } from '../log.ts';
import type { Open } from '../runners/runner.ts';
import { type Birth, type FromGuest, type Phase, packFailure, type ToGuest } from './protocol.ts';

/**
 * The worker's end of one life of a component. Resolves when the component was asked to stop and has; rejects with a failure record. It
 * loads what its assignment needs and nothing else: a worker costs memory for each module.
 */
export default async function guest({ assignment, owner, control, logsRead, logLevel }: Birth): Promise<void> {
  const tell = (message: FromGuest) => control.postMessage(message);
  const log = new WorkerLog({
    level: logLevel,
    post: (record) => tell({ type: 'log', record }),
    read: () => Atomics.load(logsRead, 0),
  });
  const asked = new AbortController();
  const leaving = new AbortController();
  const overdue = new AbortController();
  control.on('message', ({ drainMs, drain }: ToGuest) => {
    setTimeout(() => overdue.abort(), drainMs).unref();
    if (!drain) leaving.abort();
    asked.abort();
  });
  const signals = { asked: asked.signal, leaving: leaving.signal, overdue: overdue.signal };

  let phase: Phase = 'loading';
  try {
    const { open }: { open: Open } =
      assignment.kind === 'source' ? await import('../runners/source.ts') : await import('../runners/sink.ts');
    const module: { open?: unknown } = await import(assignment.module);
    if (typeof module.open !== 'function') {
      throw new MillraceError('MR_COMPONENT_FAILED', `${assignment.module} does not export \`open\`.`);
    }
    phase = 'opening';
    const component = await open({ assignment, owner, module, log, ...signals });
    phase = 'running';
    tell({ type: 'running' });
    await component.run();
    phase = 'closing';
    await component.close();
  } catch (error) {
    throw packFailure(phase, error);
  } finally {
    log.flush();
    control.close();
  }
}
