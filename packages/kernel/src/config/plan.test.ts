import { expect, test } from 'vitest';
import { facts } from '../fixtures/facts.ts';
import { defineSink, property } from '../spec.ts';
import { textByName } from '../types.ts';
import { planTexts } from './load.ts';
import { createRegistry } from './registry.ts';
import { planText, registry } from './specimens.test.fixture.ts';

const guide = `
a1.sources = r1
a1.sinks = k1
a1.channels = c1
a1.sources.r1.type = netcat
a1.sources.r1.bind = localhost
a1.sources.r1.port = 44444
a1.sinks.k1.type = null
a1.channels.c1.type = memory
a1.channels.c1.capacity = 1000
a1.channels.c1.transactionCapacity = 100
a1.sources.r1.channels = c1
a1.sinks.k1.channel = c1
`;

test('the guide’s example is planned with typed values and defaults, and nothing is said', () => {
  const { plans, diagnostics } = planText(guide);
  expect(diagnostics).toEqual([]);
  expect([...plans.keys()]).toEqual(['a1']);
  expect(plans.get('a1')).toMatchObject({
    agent: 'a1',
    channels: [
      {
        ...{ id: 'a1.channels.c1', name: 'c1', registration: { spec: { kind: 'channel', type: 'memory' } } },
        config: { capacity: 1000, transactionCapacity: 100, keepAliveSeconds: 3 },
      },
    ],
    sources: [
      {
        ...{ id: 'a1.sources.r1', name: 'r1', registration: { spec: { kind: 'source', type: 'netcat' } } },
        config: { host: 'localhost', port: 44_444, lineCharactersMax: 512, acknowledge: true },
        ...{ required: ['c1'], optional: [] },
      },
    ],
    sinks: [{ id: 'a1.sinks.k1', name: 'k1', config: { batchSize: 100, label: '', password: '' }, channel: 'c1' }],
  });
});

test('every configuration can be posted to a worker', () => {
  const plan = planText(guide).plans.get('a1')!;
  for (const { config } of [...plan.channels, ...plan.sources, ...plan.sinks])
    expect(structuredClone(config)).toEqual(config);
});

test('types are found by alias and by class name, in any case', () => {
  const source = guide
    .replace('type = netcat', 'type = ORG.apache.flume.source.netcatSOURCE')
    .replace('type = memory', 'type = Memory')
    .replace('type = null', 'type = org.apache.flume.sink.NullSink');
  const { plans, diagnostics } = planText(source);
  expect(diagnostics).toEqual([]);
  const plan = plans.get('a1')!;
  expect([...plan.sources, ...plan.channels, ...plan.sinks].map(({ registration }) => registration.spec.type)).toEqual([
    ...['netcat', 'memory', 'null'],
  ]);
});

test('a property whose name ends with a dot gathers all that begin with it', () => {
  const spec = defineSink({
    facts: facts.sink,
    ...{ type: 'open', classNames: [], summary: 'Any.', stability: 'stable', lingerMs: 0, metrics: {} },
    properties: { hosts: property('hosts.', textByName, 'Where they are.') },
  });
  const lines = ['type = open', 'channel = c1', 'hosts.a = x:1', 'hosts.b.c = y:2', 'host = z'];
  const text = ['a1.channels = c1', 'a1.channels.c1.type = memory', 'a1.sinks = k1']
    .concat(lines.map((line) => `a1.sinks.k1.${line}`))
    .join('\n');
  const memory = registry.find('channel', 'memory')!;
  const { plans, diagnostics } = planTexts(new Map([['flume.conf', Buffer.from(text)]]), {
    registry: createRegistry([memory, { spec, module: memory.module }]),
    system: new Map(),
    environment: new Map(),
  });
  expect(plans.get('a1')?.sinks[0]?.config).toEqual({ hosts: { a: 'x:1', 'b.c': 'y:2' } });
  expect(diagnostics.map(({ subject }) => subject)).toEqual(['a1.channels.c1', 'a1.sinks.k1.host']);
});

test('names are told apart by case', () => {
  const { diagnostics } = planText(guide.replace('a1.sources = r1', 'a1.sources = R1'));
  expect(diagnostics.map(({ code }) => code)).toEqual(['undefined-component']);
});

test('many agents are planned from one file, and the mistakes of one leave the others alone', () => {
  const { plans, diagnostics } = planText(guide + guide.replaceAll('a1.', 'b.').replace('44444', 'x'));
  expect([...plans].map(([name, { sources, sinks }]) => [name, sources.length, sinks.length])).toEqual([
    ['a1', 1, 1],
    ['b', 0, 1],
  ]);
  expect(diagnostics.map(({ subject }) => subject)).toEqual(['b.sources.r1.port']);
});

test('one name may be used in every kind', () => {
  const { plans, diagnostics } = planText(guide.replace(/\b(r1|k1|c1)\b/g, 'x'));
  expect(diagnostics).toEqual([]);
  expect(plans.get('a1')?.sources[0]).toMatchObject({ id: 'a1.sources.x', required: ['x'] });
});

const fanOut = (channels: string, ...more: string[]) =>
  [
    guide
      .replace('a1.channels = c1', 'a1.channels = c1 c2 c10')
      .replace('.r1.channels = c1', `.r1.channels = ${channels}`),
    'a1.channels.c2.type = memory\na1.channels.c10.type = memory',
    ...more,
  ].join('\n');

test('the channels of a source come in the order of Flume’s sets, each once', () => {
  const [source] = planText(fanOut('c2 c10  c1\tc2')).plans.get('a1')!.sources;
  expect(source?.required).toEqual(['c10', 'c1', 'c2']);
  const sinks = ['sink1', 'sink2', 'sink10'];
  const lines = sinks.map((name) => `a1.sinks.${name}.type = null\na1.sinks.${name}.channel = c1`);
  const many = planText([guide.replace('a1.sinks = k1', `a1.sinks = ${sinks.join(' ')}`), ...lines].join('\n'));
  expect(many.plans.get('a1')!.sinks.map(({ name }) => name)).toEqual(['sink2', 'sink10', 'sink1']);
});

test('channels may be optional, all of them too', () => {
  const some = planText(fanOut('c1 c2 c10', 'a1.sources.r1.selector.optional = c2  c1')).plans.get('a1')!;
  expect(some.sources[0]).toMatchObject({ required: ['c10'], optional: ['c1', 'c2'] });
  const all = planText(`${guide}a1.sources.r1.selector.type = org.apache.flume.channel.replicatingChannelSelector
a1.sources.r1.selector.optional = c1`);
  expect(all.diagnostics).toEqual([]);
  expect(all.plans.get('a1')?.sources[0]).toMatchObject({ required: [], optional: ['c1'] });
});

test('an optional channel that is dropped is lost, and its source stays', () => {
  const source = fanOut('c1 c2', 'a1.sources.r1.selector.optional = c2', 'a1.channels.c2.keep-alive = x');
  const { plans, diagnostics } = planText(source);
  expect(diagnostics.map(({ code }) => code)).toEqual(['lost-channel', 'unused-channel', 'bad-value']);
  expect(plans.get('a1')?.sources[0]).toMatchObject({ required: ['c1'], optional: [] });
});

test('a source is held against each of its channels', () => {
  const seq = fanOut('c1 c2', 'a1.sources.r1.batchSize = 50', 'a1.channels.c2.transactionCapacity = 10')
    .replace('type = netcat', 'type = seq')
    .replace(/a1.sources.r1.(bind|port).*\n/g, '');
  const { plans, diagnostics } = planText(seq);
  expect(diagnostics.map(({ code, message }) => `${code}: ${message}`)).toContain(
    'batch-too-large: batchSize of a1.sources.r1 (50) is more than transactionCapacity of channel c2 (10). Source r1 is dropped.',
  );
  expect(plans.get('a1')?.sources).toEqual([]);
});

test('a channel is in the plan when one source or one sink uses it', () => {
  const channels = (source: string) =>
    planText(source)
      .plans.get('a1')
      ?.channels.map(({ name }) => name);
  expect(channels(fanOut('c1'))).toEqual(['c1']);
  expect(channels(fanOut('c10'))).toEqual(['c10', 'c1']);
  expect(channels(guide.replace('a1.sources = r1', ''))).toEqual(['c1']);
});

test('what -D and the environment say is put in, and -D of a property that Java has wins', () => {
  const options = { environment: new Map([['PORT', '1']]), system: new Map([['os.name', 'Plan9']]) };
  const source = guide.replace('44444', '${env:PORT}').replace('localhost', '${sys:os.name}${sys:file.separator}');
  expect(planText(source, options).plans.get('a1')?.sources[0]?.config).toMatchObject({ port: 1, host: 'Plan9/' });
});

test('plain variables may come from the environment, by the class Flume once had for it', () => {
  const system = new Map([['propertiesImplementation', 'org.apache.flume.node.EnvVarResolverProperties']]);
  const source = guide.replace('44444', '${PORT}');
  const environment = new Map([['PORT', '1']]);
  expect(planText(source, { environment, system }).plans.get('a1')?.sources[0]?.config).toMatchObject({ port: 1 });
  expect(planText(source, { environment }).plans.get('a1')?.sources).toEqual([]);
});

test('a table of lookups of one’s own is ignored with a warning', () => {
  const { diagnostics } = planText(guide, { system: new Map([['lookups', 'my.properties']]) });
  expect(diagnostics.map(({ code, severity }) => `${severity} ${code}`)).toEqual(['warning lookups-not-yet']);
});

test('a thousand components are planned in a blink, spoiled or not', () => {
  const flow = (at: number) => guide.replaceAll(/\b(r1|k1|c1)\b/g, `$1x${at}`).replaceAll(/^a1\.\w+ = .*\n/gm, '');
  const numbers = Array.from({ length: 334 }, (_, at) => at);
  const list = (name: string) => numbers.map((at) => `${name}x${at}`).join(' ');
  const lists = `a1.sources = ${list('r1')}\na1.channels = ${list('c1')}\na1.sinks = ${list('k1')}\n`;
  const source = lists + numbers.map(flow).join('');
  planText(guide);

  // The processor's time, which other load makes hardly longer.
  const start = process.threadCpuUsage();
  const { plans, diagnostics } = planText(source);
  const sound = process.threadCpuUsage(start);
  expect(diagnostics).toEqual([]);
  expect(plans.get('a1')?.channels).toHaveLength(334);
  expect(sound.user).toBeLessThan(500_000);

  const spoiled = source.replaceAll('.port', '.prot').replaceAll('= null', '= ${nul}').replaceAll('.k1x', '.k2x');
  const again = process.threadCpuUsage();
  expect(planText(spoiled).diagnostics.length).toBeGreaterThan(1_000);
  expect(process.threadCpuUsage(again).user).toBeLessThan(5_000_000);
});
