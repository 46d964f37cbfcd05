import { type ConfigurationOptions, readConfiguration } from '../configuration.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { print, printable } from '../print.ts';
import { resultObject, resultOf, resultText } from './result.ts';

/** What is to be checked, and how strictly. */
export interface CheckOptions extends ConfigurationOptions {
  readonly json?: true;
  readonly strict?: true;
}

/** Says everything that is wrong with a configuration, and what was looked at. */
export async function check(
  { json, strict, ...options }: CheckOptions,
  systemProperties: ReadonlyMap<string, string>,
): Promise<ExitCode> {
  const loaded = await readConfiguration(options, systemProperties);
  const result = resultOf(options.confFile, loaded);
  await print(
    json ? `${JSON.stringify(resultObject(result), undefined, 2)}\n` : printable(resultText(result, loaded.texts)),
  );
  return result.errors > 0 || (strict && result.warnings > 0) ? exitCodes.failed : exitCodes.done;
}
