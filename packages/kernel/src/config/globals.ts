import type { GlobalSetting, Spec } from '../spec.ts';
import type { Place } from './diagnostic.ts';
import type { Entry } from './properties.ts';
import type { Settings } from './tree.ts';

/** What every component of a process can fall back to. */
export interface Globals {
  /** Java's system properties. */
  readonly system: ReadonlyMap<string, string>;
  readonly environment: ReadonlyMap<string, string>;
}

/** The settings of a component, and those of the process for what it has not set itself; a mistake in one of these is shown at `place`. */
export function withGlobals(
  { properties }: Pick<Spec, 'properties'>,
  settings: Settings,
  globals: Globals,
  place: Place,
): Settings {
  const all = new Map(settings);
  for (const { name, global } of Object.values(properties)) {
    const entry = global === undefined || all.has(name) ? undefined : globalEntry(global, globals, place);
    if (entry !== undefined) all.set(name, entry);
  }
  return all;
}

function globalEntry(setting: GlobalSetting, { system, environment }: Globals, place: Place): Entry | undefined {
  const key = system.has(setting.systemProperty) ? setting.systemProperty : setting.environment;
  const written = system.get(setting.systemProperty) ?? environment.get(setting.environment);
  // An empty variable is how scripts unset one.
  if (!written) return undefined;
  const value = setting.commas ? written.replaceAll(',', ' ') : written;
  return { key, value, keyPlace: place, valuePlace: place, verbatim: false };
}
