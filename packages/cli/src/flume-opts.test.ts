import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { addAgentCommand } from './commands/agent.ts';
import { applyOptionsFile } from './flume-opts.ts';

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-opts-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** The options of an agent after a command line and a `flume.opts` in the configuration directory have been read. */
function optionsAfter(text: string, args: readonly string[] = []) {
  const conf = scratch();
  writeFileSync(join(conf, 'flume.opts'), text);
  const java = { systemProperties: new Map(), machineFlags: [] };
  const command = addAgentCommand(
    new Command(),
    () => java,
    () => {},
  );
  command.parseOptions([...args]);
  const notes = applyOptionsFile(command, conf, '/nowhere').map((note) => note.slice(conf.length));
  return { ...command.opts(), notes };
}

test('options may stand in a file', () => {
  const options = optionsAfter('name = a1\nconf-file: flows.conf\npoll-interval 5\nno-reload-conf=');
  expect(options).toEqual({ name: 'a1', confFile: ['flows.conf'], pollInterval: 5, reloadConf: false, notes: [] });
});

test('the command line wins over the file', () => {
  expect(optionsAfter('name = a1\nconf-file = a.conf', ['-n', 'a2', '-f', 'b.conf'])).toMatchObject({
    name: 'a2',
    confFile: ['b.conf'],
  });
});

test('what is no option, or cannot be its value, is said with its line', () => {
  expect(optionsAfter('colour = red\npoll-interval = soon').notes).toEqual([
    '/flume.opts:1: there is no option colour, so the line is ignored.',
    expect.stringContaining('/flume.opts:2: poll-interval cannot be "soon"'),
  ]);
});

test('a file that cannot be read is said', () => {
  const conf = scratch();
  mkdirSync(join(conf, 'flume.opts'));
  expect(applyOptionsFile(new Command(), conf, '/nowhere')).toEqual([
    `${conf}/flume.opts cannot be read (EISDIR), so its options are missing.`,
  ]);
});

test('the file of the machine is read before the one of the configuration directory', () => {
  const [machine, conf] = [scratch(), scratch()];
  writeFileSync(join(machine, 'flume.opts'), 'name = machine');
  writeFileSync(join(conf, 'flume.opts'), 'name = conf');
  const command = addAgentCommand(
    new Command(),
    () => ({ systemProperties: new Map(), machineFlags: [] }),
    () => {},
  );
  applyOptionsFile(command, conf, machine);
  expect(command.opts()['name']).toBe('machine');
});
