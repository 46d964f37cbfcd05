import { stopSignal } from 'millrace/dist/agent/stop-signal.js';
import { benchChannels } from 'millrace/dist/bench/channels.js';
import type { Options } from '../options.ts';
import type { Result } from '../result.ts';
import { barsOfFile } from './bars.ts';
import { besideFlume } from './flume.ts';

/** What `millrace bench channels` measures; when asked, the same channels beside those of Flume. */
export async function run({ runs, type, dir, quick, svg, flume }: Options): Promise<Result> {
  const { signal } = stopSignal(() => {});
  const measured = await benchChannels({ type, dir, runs, quick, svg }, signal);
  const beside = flume ? await besideFlume(dir, type, runs, signal) : nothing;
  const bars = [...barsOfFile(measured.figures), ...beside.bars];
  return { title: 'channels: beside Flume', ...beside, bars, runs: [measured, ...beside.runs] };
}

const nothing = { notes: ['Not asked for: --flume does that.'], tables: [], bars: [], runs: [] };
