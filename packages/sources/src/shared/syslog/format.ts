import { type SyslogMessages, SyslogReader, type SyslogRules } from '@millrace/channel-native';
import type { Batch, BatchBuilder, Headers } from '@millrace/kernel/component';
import { dateReader } from './java-date.ts';

/** Understands the messages of a stream. */
export type MessageReader = Pick<SyslogReader, 'read'>;
/** Understands datagrams. */
export type DatagramReader = Pick<SyslogReader, 'datagrams'>;

/** What a configuration says about a form of its own. */
export interface FormatConfig {
  readonly formatRegex: string | undefined;
  readonly formatSearch: string | undefined;
  readonly formatReplace: string | undefined;
  readonly formatDateFormat: string | undefined;
}

/** Understands messages as Flume's older sources do, first in a form of the configuration's own where there is one. */
export function classicReader(
  builder: BatchBuilder,
  rules: Omit<SyslogRules, 'parser'>,
  format: FormatConfig,
): MessageReader & DatagramReader {
  const reader = new SyslogReader(builder, { ...rules, parser: 'classic' });
  const { formatRegex } = format;
  return formatRegex === undefined ? reader : new FormatReader(builder, rules, reader, { ...format, formatRegex });
}

/** Headers that the form decides. */
const DECIDED = new Set(['priority', 'version', 'timestamp', 'host']);

/**
 * Understands messages in a form of the configuration's own, and those in no such form as usual. Slow: everything is read twice, as it was sent
 * and as usual, and every event is built by itself.
 */
class FormatReader implements MessageReader, DatagramReader {
  readonly #builder: BatchBuilder;
  readonly #usual: SyslogReader;
  readonly #raw: SyslogReader;
  readonly #rules: Omit<SyslogRules, 'parser'>;
  readonly #form: RegExp;
  readonly #timestamp: (text: string) => number | undefined;

  constructor(
    builder: BatchBuilder,
    rules: Omit<SyslogRules, 'parser'>,
    usual: SyslogReader,
    { formatRegex, formatSearch, formatReplace, formatDateFormat }: FormatConfig & { readonly formatRegex: string },
  ) {
    this.#builder = builder;
    this.#rules = rules;
    this.#usual = usual;
    this.#raw = new SyslogReader(builder, { ...rules, parser: 'classic', keep: { all: true } });
    this.#form = expression('format.regex', `^(?:${formatRegex})$`);
    const date = formatDateFormat === undefined ? undefined : dateReader(formatDateFormat);
    const search = formatSearch === undefined ? undefined : expression('format.search', formatSearch, 'g');
    const replace = replacement(formatReplace ?? '');
    // Without something to put in its place Flume fails on every message; here nothing is searched for.
    const searched = search === undefined || formatReplace === undefined ? undefined : search;
    this.#timestamp = (text) => date?.(searched === undefined ? text : text.replaceAll(searched, replace));
  }

  read(tail: Uint8Array, data: Uint8Array, left: number, map: Uint8Array): SyslogMessages {
    const raw = this.#raw.read(tail, data, left, map);
    const usual: Batch[] = [];
    let [from, first, stillLeft] = [0, tail, left];
    for (let more = raw.consumed > 0; more; ) {
      const messages = this.#usual.read(first, data.subarray(from, raw.consumed), stillLeft, map);
      usual.push(messages.batch);
      if (messages.consumed > 0) first = tail.subarray(0, 0);
      from += messages.consumed;
      ({ more, left: stillLeft } = messages);
    }
    return { ...raw, batch: this.#understood([raw.batch], usual) };
  }

  datagrams(...staged: Parameters<SyslogReader['datagrams']>): Batch[] {
    return [this.#understood(this.#raw.datagrams(...staged), this.#usual.datagrams(...staged))];
  }

  /** Of the same messages, as they were sent and as they are usually understood, those in the form understood so. */
  #understood(raw: readonly Batch[], usual: readonly Batch[]): Batch {
    const sent = events(raw);
    for (const { headers, body } of events(usual)) {
      const { headers: rawHeaders, body: message } = sent.next().value!;
      const event = rawHeaders['flume.syslog.status'] === 'Invalid' ? undefined : this.#event(rawHeaders, message);
      this.#builder.append(event?.body ?? body, event?.headers ?? headers);
    }
    for (const batch of [...raw, ...usual]) batch.release();
    return this.#builder.finish();
  }

  #event(headers: Headers, message: Buffer): { headers: Headers; body: Buffer | string } | undefined {
    const groups = this.#form.exec(message.toString());
    if (groups === null) return undefined;
    const [, priority, version, stamp, host, text] = groups;
    const timestamp = stamp === undefined ? undefined : this.#timestamp(stamp);
    const others = Object.entries(headers).filter(([name]) => !DECIDED.has(name));
    const decided = { priority, version, timestamp: timestamp?.toString(), host };
    const said = Object.entries(decided).filter((pair): pair is [string, string] => Boolean(pair[1]));
    const body = text === undefined ? '' : this.#kept({ priority, version, timestamp: stamp, hostname: host }) + text;
    const whole = this.#rules.keep?.all || body === '';
    return { headers: Object.fromEntries([...said, ...others]), body: whole ? message : body };
  }

  #kept(fields: Readonly<Record<'priority' | 'version' | 'timestamp' | 'hostname', string | undefined>>): string {
    const { keep = {} } = this.#rules;
    return [
      keep.priority ? `<${fields.priority ?? ''}>` : '',
      keep.version && fields.version ? `${fields.version} ` : '',
      keep.timestamp ? `${fields.timestamp ?? '-'} ` : '',
      keep.hostname ? `${fields.hostname ?? '-'} ` : '',
    ].join('');
  }
}

function* events(batches: readonly Batch[]): Generator<{ headers: Headers; body: Buffer }, undefined> {
  for (const batch of batches) {
    for (let at = 0; at < batch.length; at += 1) yield { headers: batch.headers(at), body: batch.bodyView(at) };
  }
}

function expression(property: string, text: string, flags = ''): RegExp {
  try {
    return new RegExp(text, flags);
  } catch (error) {
    throw new Error(`${property} is not a regular expression that is understood here: ${(error as Error).message}.`);
  }
}

/** Java's way of saying what replaces a match, as JavaScript has it. */
function replacement(text: string): string {
  return text.replaceAll(/\\(.)|\$(?!\d)/g, (match, escaped: string | undefined) => {
    const literal = escaped ?? match;
    return literal === '$' ? '$$' : literal;
  });
}
