import { expect, test } from 'vitest';
import { takeJavaFlags } from './java-flags.ts';

const take = (line: string) => {
  const { systemProperties, machineFlags, rest } = takeJavaFlags(line.split(' '), ['name', 'conf-file']);
  return { properties: Object.fromEntries(systemProperties), machine: machineFlags, rest: rest.join(' ') };
};

test.for([
  ['-Dflume.root.logger=DEBUG,console', { 'flume.root.logger': 'DEBUG,console' }],
  ['-Da=b=c', { a: 'b=c' }],
  ['-Da', { a: '' }],
  ['-Da=1 -Da=2', { a: '2' }],
] as const)('reads %s as system properties', ([line, properties]) => {
  expect(take(line)).toEqual({ properties, machine: [], rest: '' });
});

test.for(['-Xmx1g', '-XX:+UseG1GC', '-agentlib:jdwp=transport=dt_socket', '-agentpath:/a.so', '-javaagent:/a.jar'])(
  'keeps %s, which is for a virtual machine, from the parser',
  (flag) => {
    expect(take(flag)).toEqual({ properties: {}, machine: [flag], rest: '' });
  },
);

test.for([
  ['-prov a.B', '--conf-provider a.B'],
  ['-user me -pwd secret', '--conf-user me --conf-password secret'],
  ['-name a1 -conf-file=x', '--name a1 --conf-file=x'],
  ['-n a1 -f x', '-n a1 -f x'],
  ['-na1', '-na1'],
  ['-f -', '-f -'],
  ['--name a1', '--name a1'],
] as const)('turns %s into %s', ([line, rest]) => {
  expect(take(line).rest).toBe(rest);
});
