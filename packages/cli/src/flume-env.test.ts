import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { readFlumeEnvironment } from './flume-env.ts';

const read = (script: string, environment: NodeJS.ProcessEnv = {}) => {
  const { systemProperties, exported } = readFlumeEnvironment(script, environment);
  return { properties: Object.fromEntries(systemProperties), exported: Object.fromEntries(exported) };
};

/** Scripts in the ways people write them. Each is read by us, and run by a real shell to see whether that says the same. */
const corpus: Readonly<Record<string, string>> = {
  'the shipped template': `# export JAVA_HOME=/usr/lib/jvm/java-8-oracle
export JAVA_OPTS="-Xms100m -Xmx2000m -Dcom.sun.management.jmxremote"
# export JAVA_OPTS="$JAVA_OPTS -Dorg.apache.flume.log.rawdata=true"
#FLUME_CLASSPATH=""`,
  'appending to itself': 'JAVA_OPTS="-Da=1"\nJAVA_OPTS="$JAVA_OPTS -Db=2"\nexport JAVA_OPTS="${JAVA_OPTS} -Dc=3"',
  'appending with +=': `JAVA_OPTS=-Da=1\nJAVA_OPTS+=" -Db=2"`,
  'lines continued inside quotes': 'export JAVA_OPTS="-Da=1 \\\n  -Db=2 \\\n  -Dc=3"',
  'lines continued outside quotes': "JAVA_OPTS=-Da=1\\\n' -Db=2'",
  'a value over several lines': 'JAVA_OPTS="-Da=1\n-Db=2"',
  'single quotes': `JAVA_OPTS='-Da=$HOME -Db="x"'`,
  'quotes that meet': `A=x; JAVA_OPTS="-Da="'$A'"$A -Db="\\$A`,
  'escapes inside quotes': 'JAVA_OPTS="-Da=\\"x\\" -Db=\\$A -Dc=\\n -Dd=\\\\"',
  'escapes outside quotes': 'JAVA_OPTS=-Da=1\\ -Db=\\x',
  'another variable': 'LOG_DIR=/var/log\nexport JAVA_OPTS="-Dflume.log.dir=$LOG_DIR/flume"',
  'a variable set in the same command': 'A=1 JAVA_OPTS=-Da=$A',
  'a default': 'JAVA_OPTS="-Da=${NOTHING:-x} -Db=${EMPTY:-y} -Dc=${EMPTY-z} -Dd=${NOTHING:-${A:-deep}}"',
  'an unknown variable': 'JAVA_OPTS="-Da=$NOTHING -Db=2"',
  'export afterwards': 'JAVA_OPTS=-Da=1\nB=2\nexport JAVA_OPTS B',
  'several exports in one command': 'export A=1 B="2 3" JAVA_OPTS=-Da=1',
  'a condition that holds': 'if [ -z "$JAVA_OPTS" ]; then export JAVA_OPTS=-Da=1; fi',
  'a variable for one command only': 'JAVA_OPTS=-Da=1 true',
  'a comment behind': 'JAVA_OPTS=-Da=1 # -Db=2\nJAVA_OPTS="$JAVA_OPTS -Dc=a#b"',
  'no line end': 'JAVA_OPTS=-Da=1',
  'a condition over several lines': 'if true\nthen\n  JAVA_OPTS="-Da=1"\nfi\n',
  'exported settings for the configuration': `export FLUME_USER=flume\nexport PASSWORD='s3 cret'`,
};

describe('reads flume-env.sh as a shell would, without running it', () => {
  test.for(Object.entries(corpus))('%s', ([, script]) => {
    const environment = { PATH: process.env['PATH'] ?? '', EMPTY: '' };
    const { properties, exported } = read(script, environment);
    expect(properties).toEqual(asRunByBash(script, environment));
    for (const [name, value] of Object.entries(exported)) {
      expect(bash(`${script}\nprintf %s "$${name}"`, environment)).toBe(value);
    }
  });
});

test('what it exports can be named by a configuration', () => {
  expect(read(corpus['exported settings for the configuration'] ?? '').exported).toEqual({
    FLUME_USER: 'flume',
    PASSWORD: 's3 cret',
  });
});

test('takes line ends of Windows', () => {
  expect(read('JAVA_OPTS=-Da=1\r\nexport B=2\r\n')).toEqual({ properties: { a: '1' }, exported: { B: '2' } });
});

test('runs no command of the script', () => {
  const script = 'touch $(mktemp)\nJAVA_OPTS="-Da=$(id -un)x -Db=`id`y"\nexit 1';
  expect(read(script).properties).toEqual({ a: 'x', b: 'y' });
});

test('forgets the JAVA_OPTS it was started with, as the launcher of Flume does', () => {
  expect(read('JAVA_OPTS="$JAVA_OPTS -Db=2"', { JAVA_OPTS: '-Da=1' }).properties).toEqual({ b: '2' });
});

test.for(['JAVA_OPTS="-Da=1', "JAVA_OPTS='-Da=1", 'JAVA_OPTS=${', 'JAVA_OPTS=$(', '\\', '$'])(
  'reads %s, which is cut short, to its end',
  (script) => {
    expect(() => read(script)).not.toThrow();
  },
);

function asRunByBash(script: string, environment: NodeJS.ProcessEnv) {
  const words = bash(`${script}\nset -f; printf '%s\\n' $JAVA_OPTS`, environment).split('\n');
  const settings = words.filter((word) => word.startsWith('-D')).map((word) => word.slice(2));
  return Object.fromEntries(settings.map((setting) => setting.split(/=(.*)/s, 2).concat('').slice(0, 2)));
}

function bash(script: string, environment: NodeJS.ProcessEnv): string {
  return execFileSync('bash', ['--norc', '-c', script], { env: environment, encoding: 'utf8' });
}
