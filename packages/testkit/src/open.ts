import { newOwner, reclaimOwner } from '@millrace/channel-native';
import { connectChannel } from '@millrace/kernel/channel';
import type { MetersOf, OpenSink } from '@millrace/kernel/component';
import type { Registration } from '@millrace/kernel/config/plan-types';
import { metricsOf, type SinkMeters } from '@millrace/kernel/metrics/base';
import { allocateCells, metersOver, readCells } from '@millrace/kernel/metrics/cells';
import { runSink } from '@millrace/kernel/runners/sink';
import { open as openSourceRunner } from '@millrace/kernel/runners/source';
import type { SinkSpec, SourceSpec } from '@millrace/kernel/spec';
import { type RecordedLog, recordLog } from './log.ts';
import type { ScratchChannel } from './scratch-channel.ts';
import { configOf, type Settings } from './settings.ts';

/** A component that runs in the thread of the test, with real channels and everything the kernel puts between. */
export interface OpenComponent extends AsyncDisposable {
  readonly log: RecordedLog;
  /** The component's figures by their keys. */
  figures(): Readonly<Record<string, number>>;
  /**
   * Asks it to stop, as an agent does, and waits until it is closed. Called again it waits for the same end. What a source insists on waits
   * for room for `drainMs`, which is 0 when not said.
   */
  stop(drainMs?: number): Promise<void>;
}

export interface SourceChannels {
  readonly required: readonly ScratchChannel[];
  readonly optional?: readonly ScratchChannel[];
}

/** Opens a source over scratch channels, and drives it when it polls. Rejects as its `open` does. */
export async function openSource(
  { spec, module }: Registration,
  settings: Settings,
  { required, optional = [] }: SourceChannels,
): Promise<OpenComponent> {
  const sourceSpec = spec as SourceSpec;
  const [cells] = allocateCells([Object.keys(metricsOf(sourceSpec))]);
  const [asked, overdue] = [new AbortController(), new AbortController()];
  const log = recordLog();
  const owner = newOwner();
  const assignment = {
    kind: 'source',
    id: 'a1.sources.r1',
    module: module.href,
    config: configOf(spec, settings),
    metrics: cells!,
    drive: sourceSpec.drive,
    interceptors: [],
    required: required.map(({ address }) => address),
    optional: optional.map(({ address }) => address),
  } as const;
  const stage = { assignment, owner, module: await import(module.href), log, asked: asked.signal };
  try {
    const source = await openSourceRunner({ ...stage, leaving: asked.signal, overdue: overdue.signal });
    const running = source.run();
    const end = once(async (drainMs = 0) => {
      setTimeout(() => overdue.abort(), drainMs).unref();
      asked.abort();
      await running;
      await source.close();
      reclaimOwner(owner);
    });
    return { log, figures: () => readCells(cells!), stop: end, [Symbol.asyncDispose]: () => end() };
  } catch (error) {
    reclaimOwner(owner);
    throw error;
  }
}

export interface SinkOptions {
  /** The pause after a delivery that failed. Default 20. */
  readonly failurePauseMs?: number;
}

/** Opens a sink over a scratch channel and lets it deliver. Rejects as its `open` does. Stopping drains the channel. */
export async function openSink(
  { spec, module }: Registration,
  settings: Settings,
  channel: ScratchChannel,
  { failurePauseMs = 20 }: SinkOptions = {},
): Promise<OpenComponent> {
  const sinkSpec = spec as SinkSpec;
  const [cells] = allocateCells([Object.keys(metricsOf(sinkSpec))]);
  const metrics = metersOver(cells!);
  const [asked, overdue] = [new AbortController(), new AbortController()];
  const log = recordLog();
  const owner = newOwner();
  try {
    const { open }: { open: OpenSink<SinkSpec> } = await import(module.href);
    const config = configOf(spec, settings);
    const port = await connectChannel(channel.address, owner);
    const sink = await open({ id: 'a1.sinks.k1', config, metrics, log, signal: overdue.signal });
    const running = runSink(sink, port, {
      lingerMs: sinkSpec.lingerMs,
      meters: metrics as MetersOf<SinkMeters>,
      log,
      asked: asked.signal,
      leaving: new AbortController().signal,
      overdue: overdue.signal,
      failurePauseMs,
    });
    const end = once(async () => {
      asked.abort();
      await running;
      await sink.close();
      reclaimOwner(owner);
    });
    return { log, figures: () => readCells(cells!), stop: end, [Symbol.asyncDispose]: end };
  } catch (error) {
    reclaimOwner(owner);
    throw error;
  }
}

/** A function of which all calls share the first one's end. */
function once(act: (drainMs?: number) => Promise<void>): typeof act {
  let acted: Promise<void> | undefined;
  return (drainMs) => {
    acted ??= act(drainMs);
    return acted;
  };
}
