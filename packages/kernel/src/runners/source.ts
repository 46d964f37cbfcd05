import type { DirectEnd } from '@millrace/channel-native';
import { pause } from '../backoff.ts';
import { connectChannel } from '../channel.ts';
import type { Log, MetersOf, PollingSource, RunningSource, SourceContext } from '../component.ts';
import type { SourceMeters } from '../metrics/base.ts';
import { metersOver } from '../metrics/cells.ts';
import type { SourceSpec } from '../spec.ts';
import type { SourceAssignment } from '../worker/protocol.ts';
import { createEmitter, type EmitterOptions } from './emitter.ts';
import { codeOf, type Opened, type Stage, Turn } from './runner.ts';

/** Flume's pauses between polls that find nothing, for sources that do not set their own. */
const POLL_BACKOFF = { incrementMs: 1_000, maxMs: 5_000 } as const;

/** Connects a source to its channels and opens it, behind its interceptors. */
export async function open({ assignment, owner, module, log, asked, overdue }: Stage): Promise<Opened> {
  const { id, config, metrics, drive, interceptors, ...to } = assignment as SourceAssignment;
  const meters = metersOver(metrics);
  const connect = (addresses: SourceAssignment['required']) =>
    Promise.all(addresses.map((address) => connectChannel(address, owner)));
  const [required, optional] = await Promise.all([connect(to.required), connect(to.optional)]);
  const options = {
    required,
    optional,
    merge: drive === 'event',
    metrics: meters as MetersOf<SourceMeters>,
    log,
    signal: asked,
    overdue,
  };
  const { emitter, close: closeInterceptors } =
    interceptors.length === 0
      ? { emitter: { ...createEmitter(options), ...directOf(options) }, close: undefined }
      : await (await import('../interceptors/intercepted.ts')).openIntercepted(interceptors, options);

  const openSource = module.open as (context: SourceContext<SourceSpec>) => Promise<RunningSource | PollingSource>;
  try {
    const source = await openSource({ id, config, metrics: meters, log, signal: asked, ...emitter });
    return {
      run: () => (drive === 'polling' ? poll(source as PollingSource, { log, asked }) : aborted(asked)),
      async close() {
        await source.close();
        await closeInterceptors?.();
      },
    };
  } catch (error) {
    await closeInterceptors?.();
    throw error;
  }
}

/** Lets native code put by itself where it is all there is to do. */
function directOf({ required: [only, ...others], optional, metrics }: EmitterOptions): { direct?: DirectEnd } {
  if (others.length > 0 || optional.length > 0) return {};
  const direct = only?.directEnd?.([metrics.received.cell, metrics.accepted.cell]);
  return direct === undefined ? {} : { direct };
}

/** Drives a polling source by Flume's rules until it is asked to stop. */
export async function poll(
  source: PollingSource,
  { log, asked }: { readonly log: Log; readonly asked: AbortSignal },
): Promise<void> {
  const { incrementMs, maxMs } = source.backoff ?? POLL_BACKOFF;
  const turn = new Turn();
  let backoffs = 0;

  while (!asked.aborted) {
    let pauseMs = 0;
    try {
      if ((await source.poll()) === 'ready') {
        backoffs = 0;
      } else {
        backoffs += 1;
        pauseMs = Math.min(backoffs * incrementMs, maxMs);
      }
    } catch (error) {
      if (asked.aborted) break;
      // A channel that is full has been waited for; what can never fit, or anything else, has not.
      if (codeOf(error) !== 'MR_CHANNEL_FULL') pauseMs = maxMs;
      log.error(
        { error },
        pauseMs > 0 ? `Polling failed; trying again in ${pauseMs} ms.` : 'A channel refused events.',
      );
    }
    if (pauseMs > 0) await pause(pauseMs, asked);
    else if (turn.due) await turn.take();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
