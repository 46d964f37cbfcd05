import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Registration } from '../../config/plan-types.ts';
import { createRegistry } from '../../config/registry.ts';
import { planText } from '../../config/specimens.test.fixture.ts';
import { facts } from '../../fixtures/facts.ts';
import { defineSink } from '../../spec.ts';
import { databaseAt } from './database-at.ts';
import { jdbc } from './spec.ts';

const sink = defineSink({
  facts: facts.sink,
  type: 'null',
  classNames: [],
  summary: 'Discards events.',
  stability: 'stable',
  lingerMs: 0,
  properties: {},
  metrics: {},
});
const module = new URL('file:///module.js');
const registry = createRegistry([{ spec: sink, module }], [{ spec: jdbc, module }] as Registration[]);

/** What becomes of a jdbc channel with these settings, and what is said about them. */
async function planned(settings: Readonly<Record<string, string>>) {
  const lines = [
    'a1.channels = c1',
    'a1.sinks = k1',
    'a1.sinks.k1.type = null',
    'a1.sinks.k1.channel = c1',
    'a1.channels.c1.type = org.apache.flume.channel.jdbc.JdbcChannel',
    ...Object.entries(settings).map(([name, value]) => `a1.channels.c1.${name} = ${value}`),
  ];
  const { plans, diagnostics } = planText(lines.join('\n'), { registry });
  const config = plans.get('a1')?.channels[0]?.config as Parameters<typeof databaseAt>[0] | undefined;
  return {
    config,
    at: config && (await databaseAt(config, 'a1.channels.c1')),
    said: diagnostics
      .filter(({ code }) => code !== 'channel-never-filled')
      .map(({ severity, message, suggestion }) => `${severity}: ${message} → ${suggestion}`),
  };
}

test('without a URL the channel has a file of its own, under the home directory', async () => {
  const { config, at, said } = await planned({});
  expect(said).toEqual([]);
  expect(config).toMatchObject({ maximumCapacity: 0, transactionCapacity: 10_000, keepAliveSeconds: 0 });
  expect(at).toEqual({
    kind: 'sqlite',
    file: join(homedir(), '.flume/jdbc-channel/a1/c1/db.sqlite'),
    createSchema: true,
  });
  const elsewhere = await planned({ 'sysprop.user.home': '/var/lib/flume', 'create.schema': 'false' });
  expect(elsewhere.said).toEqual([]);
  expect(elsewhere.at).toMatchObject({
    file: '/var/lib/flume/.flume/jdbc-channel/a1/c1/db.sqlite',
    createSchema: false,
  });
});

test('old names with the prefix of the class mean the same, and new names win', async () => {
  const old = 'org.apache.flume.channel.jdbc.';
  const { config, said } = await planned({
    'maximum.capacity': '5',
    [`${old}maximum.capacity`]: '7',
    [`${old}sysprop.user.home`]: '/old',
  });
  expect(config).toMatchObject({ maximumCapacity: 5, userHome: '/old' });
  expect(said).toEqual([]);
});

test.for([
  ['jdbc:sqlite:/data/q.db', '/data/q.db'],
  ['jdbc:derby:/data/db;create=true', '/data/db.sqlite'],
  ['JDBC:derby:directory:/data/db', '/data/db.sqlite'],
])('%s is the SQLite file %s', async ([url, file]) => {
  expect((await planned({ 'driver.url': url! })).at).toMatchObject({ kind: 'sqlite', file });
});

test('for a Derby database it is said what is used instead, and what of the connection is ignored', async () => {
  const { said } = await planned({ 'driver.url': 'jdbc:derby:/data/db;create=true', 'db.username': 'sa' });
  expect(said).toEqual([
    'warning: a1.channels.c1: driver.url names a Derby database, and Derby does not run here. SQLite is used instead, in /data/db.sqlite; what waits in Derby is not read. → let Flume deliver that first, and write driver.url = jdbc:sqlite:/data/db.sqlite',
    'warning: a1.channels.c1: db.username is ignored, because SQLite has no users and no connections. → remove the line',
  ]);
});

test.for([
  [
    'jdbc:postgresql://db.example:5433/flume?ssl=true',
    'postgresql://db.example:5433/flume?ssl=true&user=u&password=p%26w',
  ],
  ['postgres://me@db.example/flume', 'postgresql://me@db.example/flume?password=p%26w'],
  ['jdbc:postgresql://h/d?user=x&password=y', 'postgresql://h/d?user=x&password=y'],
  ['jdbc:postgresql:flume', 'postgresql://localhost/flume?user=u&password=p%26w'],
])('%s is PostgreSQL, with the user and the password where it names none', async ([url, whole]) => {
  const { at, said } = await planned({ 'driver.url': url!, 'db.username': 'u', 'db.password': 'p&w' });
  expect(said).toEqual([]);
  expect(at).toEqual({ kind: 'postgres', url: whole, createSchema: true });
});

test('a file may say more about the connection', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-jdbc-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'connection.properties');
  writeFileSync(file, 'user = from the file\nssl: true\n');
  const settings = { 'driver.url': 'jdbc:postgresql://h/d', 'connection.properties.file': file };
  expect((await planned(settings)).at).toMatchObject({ url: 'postgresql://h/d?user=from+the+file&ssl=true' });
  await expect(planned({ ...settings, 'connection.properties.file': `${file}.gone` })).rejects.toThrow('ENOENT');
});

test.for([
  ['jdbc:mysql://u:secret@h/d', 'is not supported (mysql)'],
  ['jdbc:postgresql://u:secret@h:port/d', 'cannot be read as a URL'],
  ['/data/q.db', 'it is no URL'],
  ['jdbc:sqlite:', 'names no file'],
  ['jdbc:sqlite::memory:', 'names no file'],
  ['jdbc:derby://h:1527/db', 'Derby database that is no directory'],
  ['jdbc:derby:memory:db', 'Derby database that is no directory'],
])('%s is refused, and it is said what can be written', async ([url, why]) => {
  const { config, said } = await planned({ 'driver.url': url! });
  expect(config).toBeUndefined();
  expect(said.find((line) => line.includes(why!))).toContain('→ write jdbc:sqlite:PATH');
  expect(said.join()).not.toContain('secret');
});

test('every property of Flume that has no meaning here is answered with a reason', async () => {
  const settings = {
    'db.type': 'MYSQL',
    'driver.class': 'org.apache.derby.jdbc.EmbeddedDriver',
    'create.index': 'true',
    'create.foreignkey': 'true',
    'transaction.isolation': 'SERIALIZABLE',
    'maximum.connections': '10',
    'sysprop.derby.system.home': '/x',
  };
  const { config, said } = await planned(settings);
  expect(config).toBeDefined();
  expect(said).toHaveLength(7);
  for (const [at, name] of Object.keys(settings).entries())
    expect(said[at]).toContain(`warning: ${name} has no meaning here`);
});
