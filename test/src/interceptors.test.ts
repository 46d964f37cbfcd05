import { readFileSync } from 'node:fs';
import { eventually, LineClient, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';

const example = new URL('../../examples/interceptors-logger.conf', import.meta.url);

test('the example prints its lines with the headers that its interceptors give them', async () => {
  const configuration = readFileSync(example, 'utf8').replace(/^(a1\.sources\.r1\.port) = 44444$/m, '$1 = 0');
  await using agent = await runAgent(configuration);
  const client = await LineClient.connect(agent.port('r1'));
  await client.write('one\ntwo\n');
  expect(await client.lines(2)).toEqual(['OK', 'OK']);
  const line = (hex: string) =>
    expect.stringMatching(new RegExp(`headers:\\{timestamp=\\d{13}, host=\\S+, datacenter=oslo-1\\} body: ${hex} `));
  await eventually(() => agent.output).toEqual([line('6F 6E 65'), line('74 77 6F')]);
  await client.close();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
});
