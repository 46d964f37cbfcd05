import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Registration } from '@millrace/kernel/config/plan-types';
import {
  eventually,
  type OpenComponent,
  openSource,
  ScratchChannel,
  type Settings,
  watchHandles,
} from '@millrace/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import { exec } from './spec.ts';

const registration: Registration = { spec: exec, module: new URL('./source.js', import.meta.url) };
const directory = mkdtempSync(join(tmpdir(), 'millrace-exec-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Stage extends AsyncDisposable {
  readonly channel: ScratchChannel;
  readonly source: OpenComponent;
  /** Lines of the log with these words, and how grave they are. */
  readonly said: (words: string) => readonly string[];
}

/** A source over a channel that holds what it is given. */
async function stage(settings: Settings, channel = new ScratchChannel()): Promise<Stage> {
  const source = await openSource(registration, { batchTimeout: 50, ...settings }, { required: [channel] });
  return {
    channel,
    source,
    said: (words) =>
      source.log.lines
        .filter(({ message }) => message.includes(words))
        .map(({ level, message }) => `${level} ${message}`),
    async [Symbol.asyncDispose]() {
      await source.stop();
      channel[Symbol.dispose]();
    },
  };
}

const shell = '/bin/sh -c';

/** All events of a command that ends. */
async function eventsOf(settings: Settings) {
  await using it = await stage(settings);
  await eventually(() => it.said('It is not run again')).toHaveLength(1);
  return it.channel.take();
}

const bodiesOf = async (settings: Settings) => (await eventsOf(settings)).map(({ body }) => body);

const isThere = (pid: number) => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

describe('a command', () => {
  test('becomes an event for each line that it writes, without headers', async () => {
    expect(await eventsOf({ command: 'seq 3' })).toEqual(['1', '2', '3'].map((body) => ({ headers: {}, body })));
  });

  test('is split at blanks, and nothing in it has a meaning', async () => {
    expect(await bodiesOf({ command: `echo  "a  b"   'c' | $HOME *` })).toEqual([`"a b" 'c' | $HOME *`]);
  });

  test('is one argument of a shell', async () => {
    expect(await bodiesOf({ shell: '/bin/sh  -e -c', command: `echo "a  b" | tr a-z A-Z` })).toEqual(['A  B']);
  });

  test('may open its output and its standard error by name, as commands in scripts do', async () => {
    const command = 'echo one > /dev/stdout; echo two | tee /dev/stderr';
    expect(await bodiesOf({ shell, command })).toEqual(['one', 'two']);
    expect(await bodiesOf({ shell, command, logStdErr: true })).toEqual(['one', 'two']);
  });

  test('has a standard input that stays open and brings nothing', async () => {
    await using it = await stage({ shell, command: 'echo begun; cat; echo over' });
    await eventually(() => it.channel.counters().queued).toBe(1);
    await sleep(100);
    expect(it.channel.takeBodies()).toEqual(['begun']);
  });

  test('that does not exist is an error that names it', async () => {
    await using it = await stage({ command: 'no-such-program -x' });
    await eventually(() => it.said('no-such-program')).toEqual([
      'error There is no program "no-such-program": give its whole path, or one that is on the PATH. It is not run again, because restart is false.',
    ]);
    expect(it.source.figures()).toMatchObject({ running: 0 });
  });

  test('that may not be run is an error that names it', async () => {
    await using it = await stage({ command: '/etc/passwd' });
    await eventually(() => it.said('The program "/etc/passwd" may not be run')).toHaveLength(1);
  });

  test.for([
    ['exit 0', 'info The command has ended with status 0.'],
    ['exit 7', 'warn The command has ended with status 7.'],
    ['kill -9 $$', 'warn The command was ended by SIGKILL.'],
  ] as const)('`%s` is told by its status', async ([command, words]) => {
    await using it = await stage({ shell, command });
    await eventually(() => it.said('It is not run again')).toEqual([
      `${words} It is not run again, because restart is false.`,
    ]);
  });
});

describe('a line', () => {
  test('ends in \\n, \\r or \\r\\n, and the last one needs no end', async () => {
    const command = `printf 'a\\nb\\r\\nc\\r\\rd\\n\\ne'`;
    expect(await bodiesOf({ shell, command })).toEqual(['a', 'b', 'c', '', 'd', '', 'e']);
  });

  test('may come in pieces', async () => {
    const command = `printf 'on'; sleep 0.1; printf 'e\\r'; sleep 0.1; printf '\\ntw'; sleep 0.1; printf 'o\\n'`;
    expect(await bodiesOf({ shell, command })).toEqual(['one', 'two']);
  });

  test('keeps its place when it has bytes that are not UTF-8', async () => {
    const command = `printf 'good\\nb\\377d\\nstill good\\n'`;
    expect(await bodiesOf({ shell, command })).toEqual(['good', 'b\ufffdd', 'still good']);
  });

  test('that never ends is cut, which is said once', async () => {
    await using it = await stage({
      shell,
      command: 'head -c 20000000 /dev/zero | tr "\\0" x; echo; echo after',
      maxLineBytes: 1_000_000,
    });
    const lengths: number[] = [];
    let last = '';
    while (it.said('It is not run again').length === 0 || it.channel.counters().queued > 0) {
      for (const body of it.channel.takeBodies()) {
        lengths.push(body.length);
        last = body;
      }
      await sleep(1);
    }
    expect(last).toBe('after');
    expect(lengths.slice(0, -1)).toEqual(Array(20).fill(1_000_000));
    expect(it.said('longer than 1000000 bytes')).toHaveLength(1);
    expect(it.source.figures()).toMatchObject({ cuts: 19 });
  });
});

describe('charset', () => {
  test('ISO-8859-1: bodies are as they were written', async () => {
    await using it = await stage({ shell, command: `printf 'gr\\374\\337e\\n'`, charset: 'ISO-8859-1' });
    await eventually(() => it.said('It is not run again')).toHaveLength(1);
    const lease = it.channel.port.tryTake(1)!;
    expect(Buffer.from(lease.batch.body(0)).toString('latin1')).toBe('grüße');
    lease.commit();
  });

  test('UTF-16LE: lines end at characters, not at bytes', async () => {
    await using it = await stage({ shell, command: `printf 'a\\0\\012\\0b\\0\\012\\001\\n\\0'`, charset: 'UTF-16LE' });
    await eventually(() => it.said('It is not run again')).toHaveLength(1);
    const lease = it.channel.port.tryTake(9)!;
    const bodies = Array.from({ length: lease.batch.length }, (_, at) => Buffer.from(lease.batch.body(at)));
    expect(bodies.map((body) => body.toString('utf16le'))).toEqual(['a', 'b\u010a']);
    lease.commit();
  });

  test('that does not exist is refused, and named', async () => {
    await expect(stage({ command: 'true', charset: 'utf-9' })).rejects.toThrow('There is no character set "utf-9"');
  });
});

describe('batchSize and batchTimeout', () => {
  test('lines wait for others, but not for ever', async () => {
    const began = performance.now();
    await using it = await stage({ shell, command: 'seq 4; sleep 60', batchSize: 5, batchTimeout: 1_500 });
    await eventually(() => it.channel.counters().queued).toBe(4);
    expect(performance.now() - began).toBeGreaterThan(1_490);
  });

  test('enough lines do not wait', async () => {
    await using it = await stage({ shell, command: 'seq 5; sleep 60', batchSize: 5, batchTimeout: 60_000 });
    await eventually(() => it.channel.takeBodies()).toEqual(['1', '2', '3', '4', '5']);
  });

  test('a batchSize of 0 puts every line at once, as in Flume', async () => {
    await using it = await stage({ shell, command: 'echo one; sleep 60', batchSize: 0, batchTimeout: 60_000 });
    await eventually(() => it.channel.takeBodies()).toEqual(['one']);
  });

  test('the end of the command ends the wait', async () => {
    expect(await bodiesOf({ command: 'seq 2', batchSize: 100, batchTimeout: 60_000 })).toEqual(['1', '2']);
  });
});

describe('a full channel', () => {
  test('holds the command back: nothing is lost, nothing is passed, and nobody is ended', async () => {
    const channel = new ScratchChannel({ capacity: 50, transactionCapacity: 20, keepAliveMs: 3_000 });
    await using it = await stage({ shell, command: 'seq -f %0200.f 20000; echo over >&2', logStdErr: true }, channel);
    await eventually(() => channel.counters().queued).toBe(50);
    await sleep(300);
    // All of it would be 4 MB: the command stands at its pipe.
    expect(it.source.figures()).toMatchObject({ running: 1 });
    expect(it.said('over')).toEqual([]);
    expect(it.source.figures()['received']).toBeLessThan(11_000);
    let next = 1;
    while (next <= 20_000) {
      for (const body of channel.takeBodies()) {
        expect(Number(body)).toBe(next);
        next += 1;
      }
      await new Promise(setImmediate);
    }
    await eventually(() => it.said('status 0')).toHaveLength(1);
    expect(it.source.figures()).toMatchObject({ received: 20_000, accepted: 20_000, rejected: 0 });
  });

  test('is waited for when the source stops, as long as there is time: nothing that was written is lost', async () => {
    const channel = new ScratchChannel({ capacity: 5, transactionCapacity: 5 });
    const countFile = join(directory, 'written.count');
    const command = `i=0; while printf '%04000d\\n' $i; do i=$((i + 1)); printf + >> ${countFile}; done`;
    await using it = await stage({ shell, command }, channel);
    await eventually(() => channel.counters().queued).toBe(5);
    await sleep(1_500);
    const stopped = it.source.stop(60_000);
    // By then the command has been ended, and its output closed.
    await sleep(6_500);
    const taking = setInterval(() => taken.push(...channel.takeBodies().map(Number)), 1);
    const taken: number[] = [];
    await stopped;
    clearInterval(taking);
    taken.push(...channel.takeBodies().map(Number));
    const written = readFileSync(countFile).length;
    // It may have been ended before it had counted the last one.
    expect([written, written + 1]).toContain(taken.length);
    expect(taken).toEqual(Array.from({ length: taken.length }, (_, at) => at));
    expect(it.source.figures()).toMatchObject({ accepted: taken.length, rejected: 0 });
  }, 30_000);

  test('does not keep the source from stopping, and what had no room is told', async () => {
    const channel = new ScratchChannel({ capacity: 5, transactionCapacity: 5 });
    await using it = await stage({ shell, command: 'seq 100; sleep 60' }, channel);
    await eventually(() => channel.counters().queued).toBe(5);
    await it.source.stop();
    expect(it.said('Lines were dropped.')).toEqual(['error Lines were dropped.']);
    expect(it.source.figures()).toMatchObject({ received: 100, accepted: 5, rejected: 95 });
  });
});

describe('restart', () => {
  test('runs the command again after restartThrottle', async () => {
    await using it = await stage({ shell, command: 'echo $(date +%s%3N)', restart: true, restartThrottle: 400 });
    await eventually(() => it.channel.counters().queued).toBe(3);
    const [first, second, third] = it.channel.takeBodies().map(Number) as [number, number, number];
    expect(second - first).toBeGreaterThan(390);
    expect(third - second).toBeGreaterThan(390);
    expect(it.source.figures()['restarts']).toBeGreaterThanOrEqual(2);
    expect(it.said('status 0. It is run again in 400 ms.')).not.toEqual([]);
  });

  test('pauses longer each time after a command that fails at once, whatever restartThrottle is', async () => {
    await using it = await stage({ command: 'no-such-program', restart: true, restartThrottle: 0 });
    await eventually(() => it.source.log.lines.length).toBe(4);
    expect(it.said('no-such-program').map((line) => /in (\d+) ms/.exec(line)?.[1])).toEqual([
      '100',
      '200',
      '400',
      '800',
    ]);
  });

  test('does not keep the source from stopping in its pause', async () => {
    await using it = await stage({ command: 'true', restart: true, restartThrottle: 60_000 });
    await eventually(() => it.said('60000')).toHaveLength(1);
    const began = performance.now();
    await it.source.stop();
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test('waits for those whom the command has left behind with its output', async () => {
    await using it = await stage({
      shell,
      command: 'echo parent; (sleep 0.5; echo child) &',
      restart: true,
      restartThrottle: 60_000,
    });
    await eventually(() => it.said('It is run again')).toHaveLength(1);
    expect(it.channel.takeBodies()).toEqual(['parent', 'child']);
  });

  test('comes too when the command closes its output and goes on, which ends it', async () => {
    const pidFile = join(directory, 'closed.pid');
    const command = `echo $$ > ${pidFile}; echo last; exec >&-; sleep 60`;
    await using it = await stage({ shell, command, restart: true, restartThrottle: 60_000 });
    await eventually(() => it.said('It is run again')).toHaveLength(1);
    expect(it.said('has closed its output and goes on')).toHaveLength(1);
    expect(it.channel.takeBodies()).toEqual(['last']);
    expect(isThere(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });
});

describe('standard error', () => {
  test('is in the log line by line with logStdErr', async () => {
    await using it = await stage({ shell, command: 'echo one >&2; echo out; printf "two" >&2', logStdErr: true });
    await eventually(() => it.said('It is not run again')).toHaveLength(1);
    expect(it.said('says')).toEqual(['info The command says: one', 'info The command says: two']);
    expect(it.channel.takeBodies()).toEqual(['out']);
  });

  test.for([true, false])('never blocks the command, with logStdErr = %s', async (logStdErr) => {
    const command = 'head -c 200000 /dev/zero | tr "\\0" "\\n" >&2; echo over';
    expect(await bodiesOf({ shell, command, logStdErr })).toEqual(['over']);
  });
});

describe('stopping', () => {
  test('ends every process of the command, and puts what they say at last', async () => {
    const pidFile = join(directory, 'group.pids');
    const command = `trap 'echo bye; exit' TERM; sleep 61 & echo $! > ${pidFile}; cat | cat & echo $$ >> ${pidFile}; echo begun; wait`;
    await using it = await stage({ shell, command });
    await eventually(() => it.channel.counters().queued).toBe(1);
    const pids = readFileSync(pidFile, 'utf8').trim().split('\n').map(Number);
    expect(pids.map(isThere)).toEqual([true, true]);
    await it.source.stop();
    expect(pids.map(isThere)).toEqual([false, false]);
    expect(it.channel.takeBodies()).toEqual(['begun', 'bye']);
  });

  test('kills those that do not end when they are asked', async () => {
    const pidFile = join(directory, 'deaf.pid');
    await using it = await stage({
      shell,
      command: `trap '' TERM; echo $$ > ${pidFile}; echo begun; while :; do sleep 0.1; done`,
    });
    await eventually(() => it.channel.counters().queued).toBe(1);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await it.source.stop();
    expect(isThere(pid)).toBe(false);
    expect(it.said('ended by SIGKILL')).toHaveLength(1);
  }, 15_000);

  test('does not wait for who has left the group and keeps the output open', async () => {
    const pidFile = join(directory, 'left.pid');
    await using it = await stage({ shell, command: `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 62' & sleep 63` });
    await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').length).toBeGreaterThan(0);
    await it.source.stop();
    process.kill(Number(readFileSync(pidFile, 'utf8')));
  }, 15_000);

  test('closes every handle', async () => {
    const atRest = watchHandles();
    {
      await using it = await stage({ shell, command: 'echo a; echo b >&2; sleep 60', logStdErr: true });
      await eventually(() => it.channel.takeBodies()).toEqual(['a']);
    }
    {
      await using it = await stage({ command: 'no-such-program' });
      await eventually(() => it.said('no-such-program')).toHaveLength(1);
    }
    await atRest();
  });
});
