import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, LineClient, runAgent } from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';

const example = new URL('../../examples/netcat-file-roll.conf', import.meta.url);

test('the example of file_roll writes the lines it is sent to a file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-example-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const configuration = readFileSync(example, 'utf8')
    .replace(/^(a1\.sources\.r1\.port) = 44444$/m, '$1 = 0')
    .replace(/^(a1\.sinks\.k1\.sink\.directory) = .*$/m, `$1 = ${directory}`);
  await using agent = await runAgent(configuration);
  const client = await LineClient.connect(agent.port('r1'));
  await client.write('Hello world!\nand again\n');
  expect(await client.lines(2)).toEqual(['OK', 'OK']);
  const written = () => readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
  await eventually(written).toEqual(['Hello world!\nand again\n']);
  await client.close();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
});
