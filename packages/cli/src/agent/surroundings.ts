import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFlumeEnvironment } from '../flume-env.ts';

/** What a configuration can name besides itself, and what is to be said about how it was found. */
export interface Surroundings {
  /** Java's system properties. */
  readonly system: ReadonlyMap<string, string>;
  readonly environment: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** Joins the settings of the configuration directory's `flume-env.sh` with those of the command line, which win. */
export function gatherSurroundings(
  confDirectory: string | undefined,
  commandLine: ReadonlyMap<string, string>,
): Surroundings {
  const own = Object.entries(process.env).map(([name, value]) => [name, value ?? ''] as const);
  if (confDirectory === undefined) return { system: commandLine, environment: new Map(own), notes: [] };

  const { script, notes } = readScript(confDirectory);
  const { systemProperties, exported } = readFlumeEnvironment(script, process.env);
  return {
    system: new Map([...systemProperties, ...commandLine]),
    environment: new Map([...own, ...exported]),
    notes,
  };
}

function readScript(directory: string): { script: string; notes: string[] } {
  const file = join(directory, 'flume-env.sh');
  try {
    return { script: readFileSync(file, 'utf8'), notes: [] };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A configuration directory need not have one.
    return {
      script: '',
      notes: code === 'ENOENT' ? [] : [`${file} cannot be read (${code}), so its settings are missing.`],
    };
  }
}
