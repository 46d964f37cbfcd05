import { readFileSync } from 'node:fs';
import { eventually, LineClient, runAgent } from '@millrace/testkit';
import { expect, test } from 'vitest';

const example = new URL('../../examples/netcat-logger.conf', import.meta.url);

test('the first example answers OK to a line and prints it as the guide of Flume shows', async () => {
  // On a free port, because somebody may be trying the example on this machine.
  const configuration = readFileSync(example, 'utf8').replace(/^(a1\.sources\.r1\.port) = 44444$/m, '$1 = 0');
  await using agent = await runAgent(configuration);
  const client = await LineClient.connect(agent.port('r1'));
  await client.write('Hello world!\r\n');
  expect(await client.lines(1)).toEqual(['OK']);
  await eventually(() => agent.output).toEqual([
    expect.stringMatching(
      /^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d INFO sink\.LoggerSink: Event: \{ headers:\{\} body: 48 65 6C 6C 6F 20 77 6F 72 6C 64 21 0D {10}Hello world!\. \}$/,
    ),
  ]);
  await client.close();
  expect(await agent.stop()).toEqual({ code: 0, signal: null });
});
