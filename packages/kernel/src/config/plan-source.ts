import { planInterceptors } from './interceptors.ts';
import { hashSetOrder, splitNames } from './java-text.ts';
import { type Listed, upToComment } from './listing.ts';
import { dropped, type Planning, planComponent } from './plan-component.ts';
import type { SourcePlan } from './plan-types.ts';
import { selectChannels } from './selector.ts';
import { type Channels, fits, reportNoChannel } from './wires.ts';

/** Plans a source and the channels it puts into; undefined when it cannot run. */
export function planSource(source: Listed, channels: Channels, planning: Planning): SourcePlan | undefined {
  const component = planComponent('source', source, planning);
  const { report } = planning;
  const consequence = dropped('source', source);
  const interceptors = planInterceptors(source, planning);

  const entry = source.settings.get('channels');
  if (entry === undefined) {
    const channel = source.settings.get('channel');
    report({
      severity: 'error',
      code: 'missing-property',
      place: channel?.keyPlace ?? source.place,
      subject: `${source.id}.channels`,
      message: `${source.id} has no channels. ${consequence}`,
      suggestion:
        channel === undefined
          ? `set ${source.id}.channels to the channels it puts events into`
          : `a source has "channels", with an s: ${source.id}.channels = ${channel.value}`,
    });
    return undefined;
  }

  const written = splitNames(entry.value);
  const usable = hashSetOrder(written.map(({ name }) => name)).filter((name) => channels.usable.has(name));
  for (const name of upToComment(written)) {
    if (channels.usable.has(name.name)) continue;
    reportNoChannel(entry, name, channels, usable.length > 0 ? 'The source does without it.' : consequence, report);
  }
  const selected = selectChannels(source, written, usable, planning);
  if (component === undefined || selected === undefined || interceptors === undefined || usable.length === 0)
    return undefined;

  const targets = usable.map((name) => channels.usable.get(name)!);
  return fits(source, component, targets, consequence, report)
    ? { ...component, interceptors, ...selected }
    : undefined;
}
