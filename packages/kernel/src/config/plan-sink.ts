import type { Listed } from './listing.ts';
import { dropped, type Planning, planComponent } from './plan-component.ts';
import type { SinkPlan } from './plan-types.ts';
import { type Channels, fits, reportNoChannel } from './wires.ts';

/** Plans a sink and the channel it takes from; undefined when it cannot run. */
export function planSink(sink: Listed, channels: Channels, planning: Planning): SinkPlan | undefined {
  const component = planComponent('sink', sink, planning);
  const { report } = planning;
  const consequence = dropped('sink', sink);

  const entry = sink.settings.get('channel');
  if (entry === undefined) {
    const plural = sink.settings.get('channels');
    report({
      severity: 'error',
      code: 'missing-property',
      place: plural?.keyPlace ?? sink.place,
      subject: `${sink.id}.channel`,
      message: `${sink.id} has no channel. ${consequence}`,
      suggestion:
        plural === undefined
          ? `set ${sink.id}.channel to the channel it takes events from`
          : `a sink has one "channel", without an s: ${sink.id}.channel = ${plural.value.split(/\s/)[0]}`,
    });
    return undefined;
  }

  const channel = channels.usable.get(entry.value);
  if (channel === undefined) {
    if (/\s/.test(entry.value)) {
      report({
        severity: 'error',
        code: 'many-channels',
        place: entry.valuePlace,
        subject: entry.key,
        message: `"${entry.value}" is more than one channel, and a sink takes from one. ${consequence}`,
        suggestion: 'define one sink for each channel',
      });
    } else reportNoChannel(entry, { name: entry.value, index: 0 }, channels, consequence, report);
    return undefined;
  }
  if (component === undefined || !fits(sink, component, [channel], consequence, report)) return undefined;
  return { ...component, channel: channel.name };
}
