import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { eventually, freePort } from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Both, both } from './peers/both.ts';
import { converse, missingFlume, Peer } from './peers/peer.ts';

/** The real Flume and Millrace get the same syslog messages, and must make the same events of them. */

const missing = missingFlume();
if (missing !== undefined) console.warn(`Not compared with Flume. ${missing}`);

// Times without a zone are those of the process.
process.env['TZ'] = 'UTC';
const START_MS = 60_000;
const NOW = new Date();
const month = NOW.toLocaleString('en', { month: 'short', timeZone: 'UTC' });
const today = `${month} ${String(NOW.getUTCDate()).padStart(2)} 01:02:03`;

type Pieces = readonly (string | Uint8Array)[];

/** Messages that both parsers are asked about, each over a connection of its own: Flume carries a priority over to the next message. */
const messages: Readonly<Record<string, Pieces>> = {
  'RFC 3164': [`<134>${today} vm app[42]: text\n`],
  'RFC 3164 with a day of one digit': [`<134>${month}  1 01:02:03 vm text\n`],
  'RFC 3164 with a month there is not': ['<134>Foo 21 01:02:03 vm text\n'],
  'RFC 3164 without a host': [`<134>${today}\n`],
  'RFC 5424': ['<132>1 2026-11-21T11:35:00Z vm text\n'],
  'RFC 5424 in another zone': ['<132>1 2026-11-21T11:35:00-05:30 vm text\n'],
  'RFC 5424 with three digits of a second': ['<132>1 2026-11-21T11:35:00.123Z vm text\n'],
  'RFC 5424 with six digits of a second': ['<132>1 2026-11-21T11:35:00.941752Z vm text\n'],
  'RFC 5424 with nine digits of a second': ['<132>1 2026-11-21T11:35:00.941752123Z h x\n'],
  'a priority alone': ['<13>\n'],
  'a priority of three digits': ['<999>1 2026-11-21T11:35:00Z vm text\n'],
  'a priority of four digits': ['<1234>1 2026-11-21T11:35:00Z vm text\n'],
  'no priority': ['text\n'],
  'an empty priority': ['<>text\n'],
  'a priority without an end': ['<13text\n'],
  'a name for a priority': ['<abc>text\n'],
  'text behind the priority': ['<13>x\n'],
  'no version': ['<132>2026-11-21T11:35:00Z vm text\n'],
  'another version': ['<132>2 2026-11-21T11:35:00Z vm text\n'],
  'an address for a host': ['<132>1 2026-11-21T11:35:00Z 10.0.0.1 text\n'],
  'an address of IPv6 for a host': ['<132>1 2026-11-21T11:35:00Z fe80::1 text\n'],
  'an empty text': ['<132>1 2026-11-21T11:35:00Z vm \n'],
  'no text': ['<132>1 2026-11-21T11:35:00Z vm\n'],
  'text that is not ASCII': ['<132>1 2026-11-21T11:35:00Z vm grüße 🚀\n'],
  'text that is not UTF-8': [Buffer.from('<132>1 2026-11-21T11:35:00Z vm a\xffb\n', 'latin1')],
  'a carriage return at the end': ['<132>1 2026-11-21T11:35:00Z vm text\r\n'],
  'another line end within': ['<132>1 2026-11-21T11:35:00Z vm a\u2028b\n'],
  'two blanks behind the version': ['<132>1  2026-11-21T11:35:00Z vm text\n'],
  'a tab for a blank': ['<132>1 2026-11-21T11:35:00Z\tvm text\n'],
  'two messages at once': ['<132>1 2026-11-21T11:35:00Z vm one\n<133>1 2026-11-21T11:35:00Z vm two\n'],
  'one in three pieces': ['<13', '2>1 2026-11-21T11:35:00Z v', 'm text\n'],
  'one that is longer than eventSize': [`<132>1 2026-11-21T11:35:00Z vm ${'x'.repeat(60)}\n`],
  'one that is three times as long': [`<132>1 2026-11-21T11:35:00Z vm ${'x'.repeat(180)}\n`],
  'one that is just short enough': [`<132>1 2026-11-21T11:35:00Z vm ${'x'.repeat(48)}\n`],
  'one that has no end': ['<132>1 2026-11-21T11:35:00Z vm one\n<132>1 2026-11-21T11:35:00Z vm two'],
};

/** Where the two differ, and why, as `docs/reference/differences.md` says. */
const tcpOnly: Readonly<Record<string, Pieces>> = {
  'a nil time': ['<132>1 - vm text\n'],
  'a nil host': ['<132>1 2026-11-21T11:35:00Z - text\n'],
  'empty lines': ['\n\n<132>1 2026-11-21T11:35:00Z vm text\n\n'],
  'a line end within the priority': ['<13\nfoo\nbar\n'],
  'a thirteenth month and a sixtieth minute': ['<132>1 2026-13-21T11:60:00Z vm text\n'],
  'a day that this month has not': ['<132>1 2026-02-30T11:00:00Z vm text\n'],
};

/** Events in a form in which the order of headers makes no difference. */
function comparable(events: readonly string[]): string[] {
  return events.map((event) =>
    event.replace(
      /headers:\{(.*?)\} body:/s,
      (_, headers: string) => `headers:{${headers.split(', ').sort().join(', ')}} body:`,
    ),
  );
}

/** Flume carries a priority and a version over to the next message of the same connection or socket: of what is not understood, they say nothing. */
const withoutCarried = (events: readonly string[]) =>
  events.map((event) => event.replace(/, (priority|version)=\d+/g, ''));

const settings: Readonly<Record<string, string>> = {
  none: '',
  all: 'a1.sources.t.keepFields = all\na1.sources.m.keepFields = all\na1.sources.u.keepFields = all\n',
  some: ['t', 'm', 'u']
    .map((source) => `a1.sources.${source}.keepFields = priority timestamp version hostname\n`)
    .join(''),
};

type Ports = Both<Readonly<Record<'t' | 'm' | 'u', number>>>;

describe.skipIf(missing !== undefined).for(Object.entries(settings))('syslog, with keepFields = %s', ([, more]) => {
  let ports: Ports;
  let peers: Both<Peer>;

  beforeAll(async () => {
    ports = await both(async () => ({ t: await freePort(), m: await freePort(), u: await freePort() }));
    peers = await both(
      (kind) =>
        new Peer(
          kind,
          `a1.sources = t m u
a1.channels = c1
a1.sinks = k1
a1.sources.t.type = syslogtcp
a1.sources.t.host = 127.0.0.1
a1.sources.t.port = ${ports[kind].t}
a1.sources.t.eventSize = 80
a1.sources.t.clientIPHeader = ip
a1.sources.t.clientHostnameHeader = name
a1.sources.t.channels = c1
a1.sources.m.type = multiport_syslogtcp
a1.sources.m.host = 127.0.0.1
a1.sources.m.ports = ${ports[kind].m}
a1.sources.m.eventSize = 80
a1.sources.m.clientIPHeader = ip
a1.sources.m.clientHostnameHeader = name
a1.sources.m.channels = c1
a1.sources.u.type = syslogudp
a1.sources.u.host = 127.0.0.1
a1.sources.u.port = ${ports[kind].u}
a1.sources.u.clientIPHeader = ip
a1.sources.u.channels = c1
${more}
a1.channels.c1.type = memory
a1.sinks.k1.type = logger
a1.sinks.k1.channel = c1
`,
        ),
    );
    await both(async (kind) => {
      await peers[kind].listening(ports[kind].t);
      await peers[kind].listening(ports[kind].m);
    });
  }, START_MS);

  afterAll(() => both((kind) => peers[kind].stop()));

  /** The events of what somebody sends, with each: what comes over a connection is there when that ends, and datagrams are counted. */
  async function eventsOf(send: (ports: Ports['Flume']) => Promise<void>, datagrams = 0): Promise<Both<string[]>> {
    return both(async (kind) => {
      const before = peers[kind].events().length;
      await send(ports[kind]);
      await eventually(() => peers[kind].events().length).toBeGreaterThanOrEqual(before + datagrams);
      const end = `end of ${before}`;
      await converse(ports[kind].t, [`${end}\n`]);
      await peers[kind].written(`${end} }`);
      return comparable(peers[kind].events().slice(before, -1));
    });
  }

  test.for(Object.entries({ ...messages, ...tcpOnly }))('syslogtcp: %s', async ([name, pieces]) => {
    const { Flume, Millrace } = await eventsOf(async ({ t }) => void (await converse(t, pieces)));
    // To Flume, what is not said is "null".
    const said = name.startsWith('a nil') && more.includes('timestamp') ? Flume.map(() => expect.any(String)) : Flume;
    const compared = name.startsWith('one that is') ? withoutCarried : (events: string[]) => events;
    expect(compared(Millrace)).toEqual(compared(said));
    expect(Flume).not.toEqual([]);
  });

  test.for(Object.entries(messages))('multiport_syslogtcp: %s', async ([, pieces]) => {
    const { Flume, Millrace } = await eventsOf(async ({ m }) => void (await converse(m, pieces)));
    expect(Millrace).toEqual(Flume);
  });

  test.for(Object.entries(messages).filter(([, pieces]) => pieces.length === 1))(
    'syslogudp: %s',
    async ([, pieces]) => {
      const socket = createSocket('udp4');
      const { Flume, Millrace } = await eventsOf(async ({ u }) => socket.send(pieces[0]!, u, '127.0.0.1'), 1);
      socket.close();
      await once(socket, 'close');
      expect(withoutCarried(Millrace)).toEqual(withoutCarried(Flume));
      expect(Flume).toHaveLength(1);
    },
  );
});
