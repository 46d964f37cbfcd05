import { replicating } from '../selectors/replicating/spec.ts';
import { flumeAliases, isFlumeType } from './flume-types.ts';
import { type ListedName, splitNames } from './java-text.ts';
import type { Listed } from './listing.ts';
import { dropped, type Planning } from './plan-component.ts';
import { type Entry, placeInValue } from './properties.ts';
import { readSettings, reportUnknown } from './settings.ts';
import { didYouMean } from './suggest.ts';

/** Which of a source's channels must hold an event; undefined when the source cannot run. `written` are the channels it names. */
export function selectChannels(
  source: Listed,
  written: readonly ListedName[],
  usable: readonly string[],
  { report }: Planning,
): { required: readonly string[]; optional: readonly string[] } | undefined {
  const settings = new Map<string, Entry>();
  for (const [name, entry] of source.settings) {
    if (name.startsWith('selector.')) settings.set(name.slice('selector.'.length), entry);
  }
  const consequence = dropped('source', source);
  const id = `${source.id}.selector`;

  const type = settings.get('type');
  if (type !== undefined && !isReplicating(type.value)) {
    const flume = isFlumeType('selector', type.value);
    report({
      severity: 'error',
      code: flume ? 'type-not-yet' : 'unknown-type',
      place: type.valuePlace,
      subject: type.key,
      message: flume
        ? `Flume has the selector type "${type.value}", this Millrace does not have it yet. ${consequence}`
        : `There is no selector type "${type.value}". ${consequence}`,
      suggestion:
        (flume ? undefined : didYouMean(type.value, flumeAliases('selector'))) ?? 'it has replicating, the default',
    });
    return undefined;
  }

  reportUnknown(replicating, settings, { names: ['type'], prefixes: [] }, 'The replicating selector', report);
  const config = readSettings(replicating, settings, { id, consequence, place: source.place }, report);
  if (config === undefined) return undefined;

  const names = new Set(written.map(({ name }) => name));
  const strangers = config.optional.filter((name) => !names.has(name));
  const entry = settings.get('optional');
  for (const name of strangers) {
    const { index } = splitNames(entry!.value).find((listed) => listed.name === name)!;
    report({
      severity: 'error',
      code: 'unknown-channel',
      place: placeInValue(entry!, index),
      subject: entry!.key,
      message: `${name} is no channel of ${source.id}, so it cannot be optional. ${consequence}`,
      suggestion:
        didYouMean(name, names.difference(new Set(config.optional))) ??
        `add ${name} to ${source.id}.channels, or take it off this list`,
    });
  }
  if (strangers.length > 0) return undefined;

  const optional = new Set(config.optional);
  return {
    required: usable.filter((name) => !optional.has(name)),
    optional: usable.filter((name) => optional.has(name)),
  };
}

function isReplicating(type: string): boolean {
  return [replicating.type, ...replicating.classNames].some((name) => name.toLowerCase() === type.toLowerCase());
}
