const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** What a text says of a date. */
interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  readonly afternoon: boolean;
  /** Minutes east of Greenwich; without it, the zone of this process. */
  readonly zone: number | undefined;
}

/** What holds for what the text does not say. */
const EPOCH: Parts = {
  year: 1970,
  month: 0,
  day: 1,
  hour: 0,
  minute: 0,
  second: 0,
  millisecond: 0,
  afternoon: false,
  zone: undefined,
};

const NUMBER = '\\d+';
const WORD = '[a-z]{3,}';
const ZONE = '[+-]\\d\\d:?\\d\\d|Z|UTC|GMT';

/** What a letter of a form stands for, and what a text in its place says. */
const letters: Readonly<Record<string, { readonly match: string; readonly read: (text: string) => Partial<Parts> }>> = {
  y: { match: NUMBER, read: (text) => ({ year: Number(text) + (text.length === 2 ? 2000 : 0) }) },
  M: { match: NUMBER, read: (text) => ({ month: Number(text) - 1 }) },
  MMM: { match: WORD, read: (text) => ({ month: MONTHS.indexOf(text.slice(0, 3).toLowerCase()) }) },
  d: { match: NUMBER, read: (text) => ({ day: Number(text) }) },
  H: { match: NUMBER, read: (text) => ({ hour: Number(text) }) },
  k: { match: NUMBER, read: (text) => ({ hour: Number(text) % 24 }) },
  K: { match: NUMBER, read: (text) => ({ hour: Number(text) }) },
  h: { match: NUMBER, read: (text) => ({ hour: Number(text) % 12 }) },
  m: { match: NUMBER, read: (text) => ({ minute: Number(text) }) },
  s: { match: NUMBER, read: (text) => ({ second: Number(text) }) },
  S: { match: NUMBER, read: (text) => ({ millisecond: Number(text) }) },
  a: { match: '[ap]m', read: (text) => ({ afternoon: /^p/i.test(text) }) },
  E: { match: WORD, read: () => ({}) },
  Z: { match: ZONE, read: readZone },
  X: { match: ZONE, read: readZone },
  z: { match: ZONE, read: readZone },
};

/** Quoted text, a letter once or several times, or a character that stands for itself. */
const PART = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']/g;

/** Reads dates in a form of Java's `SimpleDateFormat`, in English, as milliseconds since 1970. Throws when the form has a letter that is not known. */
export function dateReader(form: string): (text: string) => number | undefined {
  const reads: ((text: string) => Partial<Parts>)[] = [];
  const pattern = form.replaceAll(PART, (part, quoted: string | undefined, name: string | undefined, at: number) => {
    if (name === undefined) return RegExp.escape(part === "''" ? "'" : (quoted?.replaceAll("''", "'") ?? part));
    const letter = name === 'M' && part.length > 2 ? letters['MMM'] : letters[name];
    if (letter === undefined) {
      throw new Error(`format.dateFormat has the letter ${name}, which is not understood here: ${form}`);
    }
    reads.push(letter.read);
    // Numbers that touch each other have as many digits as letters.
    const touches = letter.match === NUMBER && /[A-Za-z]/.test(form[at + part.length] ?? '');
    return `(${touches ? `\\d{${part.length}}` : letter.match})`;
  });
  const whole = new RegExp(`^\\s*${pattern}`, 'i');
  return (text) => {
    const [, ...found] = whole.exec(text) ?? [];
    return found.length === 0 ? undefined : millis(Object.assign({}, EPOCH, ...found.map((at, i) => reads[i]!(at))));
  };
}

function millis({ year, month, day, hour, minute, second, millisecond, afternoon, zone }: Parts): number | undefined {
  if (month < 0) return undefined;
  const time = [month, day, hour + (afternoon ? 12 : 0), minute, second, millisecond] as const;
  return zone === undefined ? new Date(year, ...time).getTime() : Date.UTC(year, ...time) - zone * 60_000;
}

function readZone(text: string): Partial<Parts> {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(text) ?? [];
  return { zone: sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (60 * Number(hours) + Number(minutes)) };
}
