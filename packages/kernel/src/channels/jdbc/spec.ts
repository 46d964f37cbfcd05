import { defineChannel, property } from '../../spec.ts';
import { count, flag, long, seconds, text } from '../../types.ts';
import { count as counted } from '../../words.ts';

/** A database that a URL names. */
export type DatabaseUrl =
  | { readonly kind: 'sqlite'; readonly file: string; readonly insteadOfDerby: boolean }
  | { readonly kind: 'postgres'; readonly url: string };

/** Reads a URL as Flume's files and PostgreSQL's users write it; for a database that cannot be used, answers why. */
function databaseOf(url: string): DatabaseUrl | string {
  const [, scheme = '', rest = ''] = /^(?:jdbc:)?(\w+):(.*)$/i.exec(url) ?? [];
  switch (scheme.toLowerCase()) {
    case 'sqlite':
      if (rest === '' || rest === ':memory:') return 'names no file';
      return { kind: 'sqlite', file: rest, insteadOfDerby: false };
    case 'postgres':
    case 'postgresql': {
      const place = rest.startsWith('//') ? rest : `//localhost/${rest.replace(/^\//, '')}`;
      const whole = `postgresql:${place}`;
      return URL.canParse(whole) ? { kind: 'postgres', url: whole } : 'cannot be read as a URL';
    }
    case 'derby': {
      const [path = ''] = rest.replace(/^directory:/, '').split(';');
      if (path === '' || /^(\/\/|memory:|classpath:|jar:)/.test(path))
        return 'names a Derby database that is no directory';
      return { kind: 'sqlite', file: `${path}.sqlite`, insteadOfDerby: true };
    }
    default:
      return `names a database that is not supported (${scheme || 'it is no URL'})`;
  }
}

const databaseUrl = text.transform((url, context): DatabaseUrl => {
  const database = databaseOf(url);
  if (typeof database !== 'string') return database;
  const suggestion = 'write jdbc:sqlite:PATH, or jdbc:postgresql://HOST:PORT/DATABASE';
  context.addIssue({ code: 'custom', message: database, params: { suggestion } });
  return context.value as never;
});

const ONE_THREAD = 'one thread, on one connection, does what all sources and sinks want of the database';
const OWN_TABLES = 'the tables and their indexes are of Millrace’s own';

export const jdbc = defineChannel({
  type: 'jdbc',
  classNames: ['org.apache.flume.channel.jdbc.JdbcChannel'],
  summary:
    'Keeps events in a database: in a file of SQLite, which needs no server, or in PostgreSQL. What it has accepted survives the end of the agent and of the machine.',
  stability: 'stable',
  properties: {
    driverUrl: property(
      'driver.url',
      databaseUrl.optional(),
      'The database: `jdbc:sqlite:PATH`, or `jdbc:postgresql://HOST:PORT/DATABASE` (or `postgres://…`). Unset: a file of the channel’s own, `~/.flume/jdbc-channel/AGENT/CHANNEL/db.sqlite`; then all other properties of the connection are ignored, as in Flume. `jdbc:derby:PATH` means `PATH.sqlite`.',
    ),
    username: property('db.username', text.optional(), 'The user of a PostgreSQL database.'),
    password: property('db.password', text.optional(), 'The password of that user.'),
    propertiesFile: property(
      'connection.properties.file',
      text.optional(),
      'A Java properties file with more about a PostgreSQL connection, such as `user`, `password`, `ssl` or `application_name`.',
    ),
    createSchema: property('create.schema', flag.default(true), 'Whether to make the tables where there are none.'),
    maximumCapacity: property(
      'maximum.capacity',
      long(0n).default(0),
      'Most events in the database, in all channels of this agent that use it; the first of these channels decides. Events that a sink has taken and not yet committed count. `0`: no limit.',
    ),
    transactionCapacity: property(
      'transactionCapacity',
      count.default(10_000),
      'Most events in one transaction of a source or a sink. Flume’s channel has no such bound.',
    ),
    keepAliveSeconds: property(
      'keep-alive',
      seconds.default(0),
      'How long a source waits for room before it is told that the channel is full, in seconds. Flume’s channel does not wait.',
    ),
    userHome: property(
      'sysprop.user.home',
      text.optional(),
      'The home directory in which an unset `driver.url` stands.',
    ),
  },
  oldPrefix: 'org.apache.flume.channel.jdbc.',
  withoutMeaning: {
    'db.type': 'driver.url says what database it is',
    'driver.class': 'there is no Java here, and driver.url says what database it is',
    'create.index': OWN_TABLES,
    'create.foreignkey': OWN_TABLES,
    'transaction.isolation': `${ONE_THREAD}, so that every isolation is the same`,
    'maximum.connections': ONE_THREAD,
    'sysprop.': 'there is no Java here that could have system properties',
  },
  metrics: {},
  flumeEntry: false,
  batch: 'transactionCapacity',
  advise({ driverUrl, username, password, propertiesFile }) {
    const advice: string[] = [];
    if (driverUrl?.kind === 'sqlite' && driverUrl.insteadOfDerby) {
      advice.push(
        `driver.url names a Derby database, and Derby does not run here. SQLite is used instead, in ${driverUrl.file}; what waits in Derby is not read: let Flume deliver that first, and write driver.url = jdbc:sqlite:${driverUrl.file}`,
      );
    }
    const login = { 'db.username': username, 'db.password': password, 'connection.properties.file': propertiesFile };
    for (const [name, value] of Object.entries(login)) {
      if (value === undefined || driverUrl?.kind === 'postgres') continue;
      advice.push(`${name} is ignored, because SQLite has no users and no connections: remove the line`);
    }
    return advice;
  },
  facts: ({ driverUrl, maximumCapacity }, name) => ({
    durable: true,
    where: driverUrl?.kind === 'postgres' ? 'in PostgreSQL' : 'in SQLite',
    room: maximumCapacity === 0 ? 'no limit' : counted(maximumCapacity, 'event'),
    worst: `What ${name} has accepted survives the end of the agent and of its host, as long as the database does.`,
  }),
});
