import { pause } from '../backoff.ts';
import { connectChannel, type Lease, type TakePort } from '../channel.ts';
import type { Log, MetersOf, RunningSink, SinkContext } from '../component.ts';
import type { SinkMeters } from '../metrics/base.ts';
import { metersOver } from '../metrics/cells.ts';
import type { SinkSpec } from '../spec.ts';
import type { SinkAssignment } from '../worker/protocol.ts';
import { codeOf, type Opened, type Stage, Turn } from './runner.ts';

/** The pause after a delivery or a take has failed, as in Flume. */
const FAILURE_PAUSE_MS = 5_000;
/** The same while draining, when time is short. */
const DRAIN_PAUSE_MS = 1_000;

/** How soon it is seen whether a channel has brought back from the disk what it still has. */
const DRAIN_WAIT_MS = 5;

export interface SinkRunnerOptions {
  readonly lingerMs: number;
  readonly meters: MetersOf<SinkMeters>;
  readonly log: Log;
  readonly asked: AbortSignal;
  readonly leaving: AbortSignal;
  readonly overdue: AbortSignal;
  readonly failurePauseMs?: number;
}

/** Opens a sink and connects it to its channel. */
export async function open({ assignment, owner, module, log, asked, leaving, overdue }: Stage): Promise<Opened> {
  const { id, config, metrics, lingerMs, channel } = assignment as SinkAssignment;
  const meters = metersOver(metrics);
  const port = await connectChannel(channel, owner);
  const openSink = module.open as (context: SinkContext<SinkSpec>) => Promise<RunningSink>;
  // A sink goes on delivering while it drains, so its own signal aborts only after that.
  const sink = await openSink({ id, config, metrics: meters, log, signal: overdue });
  const options = { lingerMs, meters: meters as MetersOf<SinkMeters>, log, asked, leaving, overdue };
  return { run: () => runSink(sink, port, options), close: () => sink.close() };
}

/**
 * Takes, delivers, commits. Until it is asked to stop it waits for events; from then on it delivers what is there, and ends
 * when there is nothing left or it is overdue; when it is leaving, as soon as it holds nothing. A failure gives the batch back, and after a pause it is taken again. Rejects with the
 * failure when the batch cannot be given back.
 */
export async function runSink(sink: RunningSink, port: TakePort, options: SinkRunnerOptions): Promise<void> {
  const { lingerMs, meters, log, asked, leaving, overdue, failurePauseMs = FAILURE_PAUSE_MS } = options;
  // Not every sink lets its batch be set, and any channel must do for those.
  const max = Math.min(sink.batchSize, port.transactionCapacity);
  const take = { max, minEvents: lingerMs > 0 ? max : 1, lingerMs, signal: asked };
  const turn = new Turn();

  while (!leaving.aborted) {
    if (overdue.aborted) {
      log.warn({}, 'The time for draining is over; what is left in the channel was not delivered.');
      return;
    }
    let lease: Lease | undefined;
    let events = 0;
    try {
      const taking = asked.aborted ? port.tryTake(max) : port.take(take);
      // Mostly everything here is done when its call returns, and a turn through the microtasks for each would cost more than the work.
      lease = taking instanceof Promise ? await taking : taking;
      if (lease === undefined) {
        if ((port.queued?.() ?? 0) === 0) return;
        await pause(DRAIN_WAIT_MS, overdue);
        continue;
      }
      events = lease.batch.length;
      meters.taken.add(events);
      meters[events < max ? 'underflow' : 'complete'].add(1);
      const delivering = sink.deliver(lease.batch);
      if (delivering !== undefined) await delivering;
      const committing = lease.commit();
      if (committing !== undefined) await committing;
      meters.delivered.add(events);
      if (turn.due) await turn.take();
    } catch (error) {
      try {
        lease?.rollback();
      } catch (rollbackError) {
        // Now only the end of this life gives the events back, and the first error is its cause.
        log.error(
          { error: rollbackError, events },
          'The events could not be given back; the end of this worker does that.',
        );
        throw error;
      }
      meters.returned.add(events);
      if (asked.aborted && codeOf(error) === 'MR_CHANNEL_CANCELLED') continue;
      meters[lease === undefined ? 'takeFailed' : 'deliverFailed'].add(1);
      if (leaving.aborted || (asked.aborted && port.durable)) {
        const stay = { error, events: port.queued?.() };
        log.warn(stay, 'Delivery failed while stopping; the events stay in the channel for the next start.');
        return;
      }
      const pauseMs = asked.aborted ? Math.min(DRAIN_PAUSE_MS, failurePauseMs) : failurePauseMs;
      const what = lease === undefined ? 'Taking from the channel' : 'Delivery';
      log.error(
        { error, events },
        `${what} failed; the events stay in the channel and are tried again in ${pauseMs} ms.`,
      );
      await pause(pauseMs, asked.aborted ? overdue : asked);
    }
  }
}
