import { type Loaded, loadConfiguration, onlyAgent } from '@millrace/kernel/config/load';
import { registry } from './agent/components.ts';
import { gatherSurroundings } from './agent/surroundings.ts';

/** Which configuration is meant. */
export interface ConfigurationOptions {
  readonly confFile: readonly string[];
  /** The only agent that is meant. */
  readonly name?: string;
  readonly conf?: string;
}

/** Reads a configuration that is only to be looked at, as its agents would read it. Of other agents than the one that is meant nothing is left. */
export async function readConfiguration(
  { confFile: files, name, conf }: ConfigurationOptions,
  systemProperties: ReadonlyMap<string, string>,
): Promise<Loaded> {
  const { system, environment, notes } = gatherSurroundings(conf, systemProperties);
  for (const note of notes) process.stderr.write(`${note}\n`);
  const options = { files, system, environment, registry };
  if (name === undefined) return loadConfiguration(options);
  return onlyAgent(name, await loadConfiguration({ ...options, agent: name }));
}
