import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration, onlyAgent } from '@millrace/kernel/config/load';
import { expect, test } from 'vitest';
import { registry } from '../agent/components.ts';
import { readSystemProperty } from '../java-flags.ts';
import { resultOf, resultText } from './result.ts';

// Beside each file stands what people are told about it. After a change of words: vitest run broken -u, and read what changed.
const directory = join(import.meta.dirname, '../../src/check/broken');
const names = readdirSync(directory)
  .filter((name) => name.endsWith('.conf'))
  .map((name) => name.slice(0, -'.conf'.length));

test.for(names)('%s', async (name) => {
  const file = join(directory, `${name}.conf`);
  const flags = flagsOf(readFileSync(file, 'latin1'));
  const all = await loadConfiguration({ files: [file], registry, ...flags });
  const loaded = flags.agent === undefined ? all : onlyAgent(flags.agent, all);
  expect(all.diagnostics.filter(({ suggestion }) => !suggestion)).toEqual([]);
  const text = resultText(resultOf([file], loaded), loaded.texts);
  await expect(text.replaceAll(`${directory}/`, '')).toMatchFileSnapshot(join(directory, `${name}.txt`));
});

/** What stands in the first line behind `# check`: flags, and variables of the environment. */
function flagsOf(text: string) {
  const [, line = ''] = /^# check (.*)/.exec(text) ?? [];
  const words = line.split(' ');
  const agent = words[words.indexOf('-n') + 1];
  return {
    system: new Map(words.filter((word) => word.startsWith('-D')).map(readSystemProperty)),
    environment: new Map(
      words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split('=') as [string, string]),
    ),
    ...(words.includes('-n') && agent !== undefined && { agent }),
  };
}
