import { BatchBuilder, newOwner, reclaimOwner } from '@millrace/channel-native';
import { connectChannel } from '@millrace/kernel/channel';
import type { MetersOf } from '@millrace/kernel/component';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { openIntercepted } from '@millrace/kernel/interceptors/intercepted';
import { type SourceMeters, sourceMetrics } from '@millrace/kernel/metrics/base';
import { allocateCells, metersOver, readCells } from '@millrace/kernel/metrics/cells';
import { type RecordedLog, recordLog } from './log.ts';
import type { ScratchChannel, TextEvent } from './scratch-channel.ts';
import { configOf, type Settings } from './settings.ts';
import type { Outcome } from './source-contract.ts';

/** An interceptor in the thread of the test, between a source that is the test and a real channel. */
export interface OpenInterceptor extends AsyncDisposable {
  readonly log: RecordedLog;
  /** The figures of the source. */
  figures(): Readonly<Record<string, number>>;
  /** Sends events as one request. Rejects when they could not pass, or the channel refused them. */
  send(events: readonly TextEvent[]): Promise<void>;
  /** Sends each event as a request of its own; resolves with what was told of each, in their order. */
  sendEach(events: readonly TextEvent[]): Promise<readonly Outcome[]>;
  /** Closes it; what was sent must have been answered. */
  stop(): Promise<void>;
}

/** Opens an interceptor in front of a scratch channel. Rejects as its `open` does. */
export async function openInterceptor(
  { spec, module }: Registration,
  settings: Settings,
  channel: ScratchChannel,
): Promise<OpenInterceptor> {
  const [cells] = allocateCells([Object.keys(sourceMetrics)]);
  const metrics = metersOver(cells!) as MetersOf<SourceMeters>;
  const log = recordLog();
  const owner = newOwner();
  const assignment = { id: 'a1.sources.r1.interceptors.i1', module: module.href, config: configOf(spec, settings) };
  const required = [await connectChannel(channel.address, owner)];
  const options = { required, optional: [], merge: true, metrics, log };
  const { emitter, close } = await openIntercepted([assignment], options).catch((error) => {
    reclaimOwner(owner);
    throw error;
  });

  const builder = new BatchBuilder();
  const batchOf = (events: readonly TextEvent[]) => {
    for (const { headers, body } of events) builder.append(body, headers);
    return builder.finish();
  };
  let closed: Promise<void> | undefined;
  const stop = () => {
    closed ??= close().then(() => reclaimOwner(owner));
    return closed;
  };
  return {
    log,
    figures: () => readCells(cells!),
    send: (events) => emitter.emit(batchOf(events)),
    async sendEach(events) {
      const outcomes: Outcome[] = [];
      await emitter.emitEach(batchOf(events), (accepted, failure) => {
        for (let event = 0; event < accepted; event += 1) outcomes.push('accepted');
        if (failure !== undefined) outcomes.push('refused');
      });
      return outcomes;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
