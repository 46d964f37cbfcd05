import { property, type SourceFacts } from '@millrace/kernel/spec';
import { count, host, oneOf, text } from '@millrace/kernel/types';
import { bytesText } from '@millrace/kernel/words';

const FIELDS = ['priority', 'version', 'timestamp', 'hostname'] as const;

/** As Flume reads it: a name counts wherever it stands in the value. */
const keptFields = text.transform((value): Readonly<Partial<Record<(typeof FIELDS)[number] | 'all', boolean>>> => {
  const kept = value.trim().toLowerCase();
  if (kept === 'none' || kept === 'false') return {};
  if (kept === 'all' || kept === 'true') return { all: true };
  return Object.fromEntries(FIELDS.map((field) => [field, kept.includes(field)]));
});

/** What every syslog source can be told. */
export const syslogProperties = {
  keep: property(
    'keepFields',
    keptFields.default({}),
    'What of the header stays in the body: `none`, `all` (the message as it was sent), or some of `priority`, `version`, `timestamp` and `hostname` with blanks between them.',
  ),
  clientIpHeader: property('clientIPHeader', text.optional(), 'Header for the address of the client.'),
  clientHostnameHeader: property(
    'clientHostnameHeader',
    text.optional(),
    'Header for the name of the client, from a reverse look-up; empty when there is none within two seconds.',
  ),
};

/** What those can be told besides that listen for connections. */
export const syslogStreamProperties = {
  host: property('host', host.optional(), 'Name or address to listen on. Without it, every address.'),
  eventBytesMax: property(
    'eventSize',
    count.default(2_500),
    'Most bytes of a message with its line end, at least 10. A longer one is cut: the first part has the header `flume.syslog.status=Incomplete`, and the rest is taken for a message of its own.',
  ),
  framing: property(
    'framing',
    oneOf({ auto: [], lines: [] }).default('auto'),
    '`auto`: a message that begins with digits, a blank and `<` is counted (RFC 6587), any other ends with its line. `lines`: every message ends with its line.',
  ),
  inFlightBytesMax: property(
    'maxInFlightBytes',
    count.default(64 << 20),
    'Most bytes that have been read and are not yet in the channels, over all connections. At the limit, connections are not read until there is room again.',
  ),
};

/** What those promise: syslog has no acknowledgement. */
export const syslogStreamFacts = ({ inFlightBytesMax }: { readonly inFlightBytesMax: number }): SourceFacts => ({
  told: 'Syslog clients are never told anything.',
  refused: 'the connections are not read, so that clients wait; nothing is dropped',
  lost: `messages that it has read and no channel has yet, up to ${bytesText(inFlightBytesMax)}, and what was still in the connections; syslog has no acknowledgement`,
});

/** What the older two understand besides, tried before anything else. */
export const formatProperties = {
  formatRegex: property(
    'format.regex',
    text.optional(),
    'Regular expression for whole messages, tried before the known forms. Its groups 1 to 5 are priority, version, timestamp, host and body.',
  ),
  formatSearch: property(
    'format.search',
    text.optional(),
    'Regular expression for what is replaced in the timestamp before it is read.',
  ),
  formatReplace: property('format.replace', text.optional(), 'What replaces it; `$1` is its first group.'),
  formatDateFormat: property(
    'format.dateFormat',
    text.optional(),
    'Form of the timestamp, in the letters of Java’s `SimpleDateFormat`. Without it the event has no timestamp.',
  ),
};
