import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { eventually, freePort } from '@millrace/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { type Clone, copyClone } from './clone.ts';

/** What CONTRIBUTING says of new components: its commands in order, and the configuration that runs what they make. */
function instructions({ directory }: Clone) {
  const text = readFileSync(join(directory, 'CONTRIBUTING.md'), 'utf8');
  const [section = ''] = /## A new source, sink or interceptor\n[\s\S]*?(?=\n## )/.exec(text) ?? [];
  const block = (language: string) => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? '';
  const commands = block('sh')
    .split('\n')
    .map((line) => line.replace(/ +#.*/, ''))
    .filter(Boolean);
  return { commands, configuration: block('properties') };
}

test('whoever follows CONTRIBUTING has a source, a sink and an interceptor that compile, pass their contracts and run', {
  timeout: 240_000,
}, async () => {
  using clone = copyClone();
  const { directory: cwd } = clone;
  const { commands, configuration } = instructions(clone);
  const arrived: { body: string; path: string | undefined }[] = [];
  const peer = createServer(async (request, response) => {
    arrived.push({ body: Buffer.concat(await request.toArray()).toString(), path: request.url });
    response.end();
  }).listen(0, 'localhost');
  onTestFinished(() => void peer.close().closeAllConnections());
  await once(peer, 'listening');
  const address = peer.address() as { port: number };
  const port = await freePort();
  writeFileSync(join(cwd, 'mqtt.conf'), configuration.replace('8080', `${port}`).replace('8081', `${address.port}`));

  const last = commands.pop();
  expect(commands).toHaveLength(5);
  for (const command of commands) {
    const { status, stdout, stderr } = spawnSync(command, { cwd, shell: true, encoding: 'utf8' });
    expect(`${command}: ${status}`, stdout + stderr).toBe(`${command}: 0`);
    if (command.startsWith('npm test')) expect(stdout).toMatch(/\n[2-9]\d passed, 0 failed, 0 skipped\n$/);
  }
  // What was made is held to everything else too.
  for (const command of [
    'npx biome check --error-on-warnings packages/*/src/mqtt packages/*/src/index.ts',
    'npx vitest run scripts/tidy.test.ts',
  ]) {
    const { status, stdout, stderr } = spawnSync(command, { cwd, shell: true, encoding: 'utf8' });
    expect(`${command}: ${status}`, stdout + stderr).toBe(`${command}: 0`);
  }

  expect(last).toMatch(/^npx millrace agent /);
  const agent = spawn(`exec ${last!.replace('npx millrace', 'node packages/cli/bin/millrace.js')}`, {
    cwd,
    shell: true,
  });
  onTestFinished(() => void agent.kill('SIGKILL'));
  let said = '';
  agent.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  await eventually(() => said).toMatch(/"Listening\."/);
  const response = await fetch(`http://localhost:${port}/`, { method: 'POST', body: 'Hello world!' });
  expect(response.status).toBe(200);
  await eventually(() => arrived).toEqual([{ body: 'Hello world!\n', path: '/' }]);
  agent.kill('SIGTERM');
  expect(await once(agent, 'exit')).toEqual([0, null]);
});
