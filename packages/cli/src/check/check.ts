import { loadConfiguration } from '@millrace/kernel/config/load';
import { registry } from '../agent/components.ts';
import { gatherSurroundings } from '../agent/surroundings.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print } from '../print.ts';
import { resultObject, resultOf, resultText } from './result.ts';

/** What is to be checked, and how strictly. */
export interface CheckOptions {
  readonly confFile: readonly string[];
  readonly name?: string;
  readonly conf?: string;
  readonly json?: true;
  readonly strict?: true;
}

/** Says everything that is wrong with a configuration, and what was looked at. */
export async function check(
  { confFile: files, name, conf, json, strict }: CheckOptions,
  systemProperties: ReadonlyMap<string, string>,
): Promise<ExitCode> {
  const { system, environment, notes } = gatherSurroundings(conf, systemProperties);
  for (const note of notes) process.stderr.write(`${note}\n`);
  const agent = name === undefined ? {} : { agent: name };
  const loaded = await loadConfiguration({ files, system, environment, registry, ...agent });
  const result = resultOf(files, loaded, name);
  await print(json ? `${JSON.stringify(resultObject(result), undefined, 2)}\n` : resultText(result, loaded.texts));
  return result.errors > 0 || (strict && result.warnings > 0) ? exitCodes.failed : exitCodes.done;
}
