import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseProperties } from '@millrace/kernel/config/properties';
import type { Command, Option } from 'commander';

/**
 * Gives a command the options of the first `flume.opts` there is: the machine's in `/etc/flume`, else the one in the configuration
 * directory. A line is `long-option-name = value`; what the command line says wins. Returns what is to be said about the file.
 */
export function applyOptionsFile(
  command: Command,
  confDirectory: string | undefined,
  machineDirectory = '/etc/flume',
): string[] {
  const directories = confDirectory === undefined ? [machineDirectory] : [machineDirectory, confDirectory];
  const file = directories.map((directory) => join(directory, 'flume.opts')).find((path) => existsSync(path));
  if (file === undefined) return [];

  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return [`${file} cannot be read (${(error as NodeJS.ErrnoException).code}), so its options are missing.`];
  }
  const { entries, diagnostics } = parseProperties(file, bytes);
  const notes = diagnostics.map(({ message, place }) => `${file}:${place.line}: ${message}`);
  for (const { key, value, keyPlace } of entries.values()) {
    const note = (text: string) => notes.push(`${file}:${keyPlace.line}: ${text}, so the line is ignored.`);
    const option = command.options.find(({ long }) => long === `--${key}`);
    if (option === undefined) {
      note(`there is no option ${key}`);
      continue;
    }
    if (command.getOptionValueSource(option.attributeName()) === 'cli') continue;
    try {
      command.setOptionValueWithSource(option.attributeName(), optionValue(option, value), 'config');
    } catch (error) {
      note(`${key} cannot be "${value}": ${(error as Error).message}`);
    }
  }
  return notes;
}

function optionValue({ negate, required, parseArg }: Option, text: string): unknown {
  if (!required) return !negate;
  return parseArg === undefined ? text : parseArg(text, undefined);
}
