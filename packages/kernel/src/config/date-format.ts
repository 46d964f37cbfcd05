/**
 * Formats a moment in local time by a pattern of Java's `SimpleDateFormat`, in English. Returns undefined for a pattern Java would
 * refuse, and for letters that have no answer here.
 */
export function formatDate(pattern: string, date: Date): string | undefined {
  let formatted = '';
  // A quoted text, two quotes for one, a run of one letter, or anything else as it is.
  for (const [part] of pattern.matchAll(/'(?:[^']|'')*'?|([a-zA-Z])\1*|./gs)) {
    if (part === "''") formatted += "'";
    else if (part.startsWith("'")) {
      if (part.length < 2 || !part.endsWith("'")) return undefined;
      formatted += part.slice(1, -1).replaceAll("''", "'");
    } else if (/[a-zA-Z]/.test(part)) {
      const field = fields[part[0]!]?.(date, part.length);
      if (field === undefined) return undefined;
      formatted += field;
    } else formatted += part;
  }
  return formatted;
}

type Field = (date: Date, width: number) => string | undefined;

const number =
  (of: (date: Date) => number): Field =>
  (date, width) =>
    String(of(date)).padStart(width, '0');

const year =
  (of: (date: Date) => number): Field =>
  (date, width) =>
    String(width === 2 ? of(date) % 100 : of(date)).padStart(width, '0');

const named = (date: Date, options: Intl.DateTimeFormatOptions, type: Intl.DateTimeFormatPartTypes) =>
  new Intl.DateTimeFormat('en-US', options).formatToParts(date).find((part) => part.type === type)?.value;

const fields: Readonly<Record<string, Field>> = {
  y: year((date) => date.getFullYear()),
  Y: year((date) => week(date).year),
  M: (date, width) =>
    width < 3
      ? String(date.getMonth() + 1).padStart(width, '0')
      : named(date, { month: width === 3 ? 'short' : 'long' }, 'month'),
  w: number((date) => week(date).number),
  W: number((date) => Math.ceil((date.getDate() + firstOfMonth(date).getDay()) / 7)),
  d: number((date) => date.getDate()),
  D: number((date) => dayOfYear(date)),
  F: number((date) => Math.ceil(date.getDate() / 7)),
  E: (date, width) => named(date, { weekday: width < 4 ? 'short' : 'long' }, 'weekday'),
  u: number((date) => date.getDay() || 7),
  a: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  H: number((date) => date.getHours()),
  k: number((date) => date.getHours() || 24),
  K: number((date) => date.getHours() % 12),
  h: number((date) => date.getHours() % 12 || 12),
  m: number((date) => date.getMinutes()),
  s: number((date) => date.getSeconds()),
  S: number((date) => date.getMilliseconds()),
  z: (date, width) => named(date, { timeZoneName: width < 4 ? 'short' : 'long' }, 'timeZoneName'),
  Z: (date) => offset(date, ''),
  X: (date, width) => {
    if (width > 3) return undefined;
    if (date.getTimezoneOffset() === 0) return 'Z';
    return width === 1 ? offset(date, '').slice(0, 3) : offset(date, width === 2 ? '' : ':');
  },
};

function offset(date: Date, colon: string): string {
  const minutes = Math.abs(date.getTimezoneOffset());
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${date.getTimezoneOffset() > 0 ? '-' : '+'}${two(minutes / 60)}${colon}${two(minutes % 60)}`;
}

const firstOfMonth = (date: Date) => new Date(date.getFullYear(), date.getMonth(), 1);

function dayOfYear(date: Date): number {
  const midnight = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000) + 1;
}

/** Weeks begin on Sunday, and the one with the first of January is the first, as Java has it for English. */
function week(date: Date): { year: number; number: number } {
  const saturday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 6 - date.getDay());
  if (saturday.getFullYear() > date.getFullYear()) return { year: saturday.getFullYear(), number: 1 };
  const firstDay = new Date(date.getFullYear(), 0, 1).getDay();
  return { year: date.getFullYear(), number: Math.ceil((dayOfYear(date) + firstDay) / 7) };
}
