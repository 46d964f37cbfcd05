import { formatDate } from './date-format.ts';
import type { Diagnostic } from './diagnostic.ts';
import { javaPlatform } from './java-platform.ts';
import { javaTrim } from './java-text.ts';
import { type Entry, placeInValue } from './properties.ts';
import { didYouMean } from './suggest.ts';

/** Where the values of `${…}` come from, besides the other properties. */
export interface Surroundings {
  readonly environment: ReadonlyMap<string, string>;
  /** Java's system properties: what `-D` sets. */
  readonly system: ReadonlyMap<string, string>;
  /** Whether a plain `${NAME}` that is no property may be an environment variable (Flume's `EnvVarResolverProperties`). */
  readonly plainEnvironment?: boolean;
  /** What `${date:…}` formats; the present without it. */
  readonly now?: Date;
}

interface Interpolated {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Replaces every `${…}` in the values as Apache Commons Text does for Flume, except that one property may name another whatever
 * their order. What cannot be resolved stays as it is, and a diagnostic says so.
 */
export function interpolate(entries: ReadonlyMap<string, Entry>, surroundings: Surroundings): Interpolated {
  const interpolation = new Interpolation(entries, surroundings);
  const resolved = new Map<string, Entry>();
  for (const [key, entry] of entries) {
    if (!entry.value.includes('${')) {
      resolved.set(key, entry);
      continue;
    }
    const value = javaTrim(interpolation.property(key)!);
    resolved.set(key, value === entry.value ? entry : { ...entry, value, verbatim: false });
  }
  return { entries: resolved, diagnostics: interpolation.diagnostics };
}

/** `${f1['key']}`, which belongs to the config filter `f1`. */
export const filterReference = /\$\{([^\s${}[\]]+)\[(['"]?)[-_a-zA-Z0-9]+\2\]\}/g;
const isFilterReference = (expression: string) => `\${${expression}}`.replace(filterReference, '') === '';

/** How many variables may stand in, or lead to, one another; it keeps the stack in bounds. */
const DEPTH_MAX = 500;
/** How many characters a value may grow to; a few lines of variables, each twice in the one before, could take all memory. */
const LENGTH_MAX = 1024 * 1024;

/** A text being substituted. */
interface Task {
  readonly text: string;
  /** The variables whose values are being substituted around this text. */
  readonly within: readonly string[];
  /** The property the text is the value of, letter for letter; then what stays unresolved has not been reported yet. */
  readonly original?: Entry;
  readonly quiet: boolean;
}

class Interpolation {
  readonly diagnostics: Diagnostic[] = [];
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #surroundings: Surroundings;
  readonly #now: Date;
  readonly #resolved = new Map<string, string>();
  /** The properties being resolved, each because the one before it names it. */
  readonly #open: string[] = [];
  readonly #circular = new Set<string>();
  #depth = 0;

  constructor(entries: ReadonlyMap<string, Entry>, surroundings: Surroundings) {
    this.#entries = entries;
    this.#surroundings = surroundings;
    this.#now = surroundings.now ?? new Date();
  }

  /** The value of a property with everything in it resolved; undefined when there is no such property, or it needs itself. */
  property(key: string): string | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    if (this.#open.includes(key)) {
      this.#reportCircle(this.#open.slice(this.#open.indexOf(key)));
      return undefined;
    }

    this.#open.push(key);
    const value = this.#substitute({ text: entry.value, within: [], original: entry, quiet: false });
    this.#open.pop();
    const resolved = this.#circular.has(key) ? entry.value : value;
    this.#resolved.set(key, resolved);
    return resolved;
  }

  #substitute(task: Task): string {
    if (this.#depth === DEPTH_MAX) {
      this.#reportDepth();
      return task.text;
    }
    this.#depth++;
    const substituted = this.#substituteHere(task);
    this.#depth--;
    return substituted;
  }

  #substituteHere(task: Task): string {
    const { text } = task;
    let result = '';
    let at = 0;
    while (at < text.length) {
      const start = text.indexOf('${', at);
      const end = start < 0 ? -1 : closingBrace(text, start + 2);
      if (end < 0) break;
      if (start > at && text[start - 1] === '$') {
        result += `${text.slice(at, start - 1)}\${`;
        at = start + 2;
        continue;
      }
      result += text.slice(at, start) + (this.#variable(task, start, end) ?? text.slice(start, end + 1));
      at = end + 1;
      if (result.length > LENGTH_MAX) {
        this.#reportLength();
        return text;
      }
    }
    return result + text.slice(at);
  }

  /** The value of the variable between `start` and `end`, or undefined when it stays as it is. */
  #variable(task: Task, start: number, end: number): string | undefined {
    const { text, within, quiet } = task;
    const expression = this.#substitute({ text: text.slice(start + 2, end), within, quiet: true });
    const defaultAt = expression.indexOf(':-');
    const name = defaultAt < 0 ? expression : expression.slice(0, defaultAt);

    if (within.includes(name)) {
      if (!this.#circular.has(name)) this.#reportCircle([this.#open.at(-1)!]);
      return undefined;
    }
    const found = this.#lookUp(name);
    const value = found?.value ?? (defaultAt < 0 ? undefined : expression.slice(defaultAt + 2));
    if (value === undefined) {
      if (!quiet && !this.#circular.has(name) && !isFilterReference(expression))
        this.#reportUnresolved(name, task, start);
      return undefined;
    }
    return this.#substitute({ text: value, within: [...within, name], quiet: quiet || found?.isProperty === true });
  }

  #lookUp(name: string): { value: string; isProperty: boolean } | undefined {
    const colon = name.indexOf(':');
    const key = name.slice(colon + 1);
    const prefixed = colon < 0 ? undefined : this.#lookUpIn(name.slice(0, colon).toLowerCase(), key);
    if (prefixed !== undefined) return { value: prefixed, isProperty: false };

    const property = this.property(key);
    if (property !== undefined) return { value: property, isProperty: true };
    const plain = this.#surroundings.plainEnvironment ? this.#surroundings.environment.get(key) : undefined;
    return plain === undefined ? undefined : { value: plain, isProperty: false };
  }

  #lookUpIn(prefix: string, key: string): string | undefined {
    switch (prefix) {
      case 'env':
        return this.#surroundings.environment.get(key);
      case 'sys':
        return this.#surroundings.system.get(key);
      case 'java':
        return javaPlatform(key);
      case 'date':
        return formatDate(key, this.#now);
      default:
        return undefined;
    }
  }

  #reportCircle(keys: readonly string[]): void {
    if (keys.every((key) => this.#circular.has(key))) return;
    for (const key of keys) this.#circular.add(key);
    const [first] = keys;
    this.diagnostics.push({
      severity: 'error',
      code: 'circular-reference',
      place: this.#entries.get(first!)!.valuePlace,
      subject: first!,
      message:
        keys.length === 1
          ? `The value of ${first} needs itself, so it is left as it is written.`
          : `The values of ${keys.join(', ')} need each other in a circle, so they are left as they are written.`,
      suggestion: 'give one of them a value of its own; to mean the characters themselves, write $${…}',
    });
  }

  #reportDepth(): void {
    const key = this.#open[0]!;
    const message = `Behind the variables of ${key} are more variables, more than ${DEPTH_MAX} deep; the deepest are left as they are written.`;
    this.#reportOnce(key, 'variables-too-deep', message, 'say it in fewer steps');
  }

  #reportLength(): void {
    const key = this.#open.at(-1)!;
    const message = `The value of ${key} has variables that make it longer than ${LENGTH_MAX} characters, so it is left as it is written.`;
    this.#reportOnce(key, 'value-too-long', message, 'let fewer variables stand in one another');
  }

  #reportOnce(key: string, code: string, message: string, suggestion: string): void {
    if (this.diagnostics.some((other) => other.code === code && other.subject === key)) return;
    const place = this.#entries.get(key)!.valuePlace;
    this.diagnostics.push({ severity: 'error', code, place, subject: key, message, suggestion });
  }

  #reportUnresolved(name: string, { original }: Task, start: number): void {
    const entry = original ?? this.#entries.get(this.#open.at(-1)!)!;
    const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
    this.diagnostics.push({
      severity: 'warning',
      code: 'unresolved-variable',
      place: original === undefined ? entry.valuePlace : placeInValue(entry, start),
      subject: entry.key,
      message: `\${${shown}} has no value, so it is left as it is written.`,
      suggestion: shown === name ? this.#adviceOn(name) : 'say it in fewer characters',
    });
  }

  #adviceOn(name: string): string {
    const colon = name.indexOf(':');
    const key = name.slice(colon + 1);
    const orDefault = `or give a default: \${${name}:-value}`;
    switch (colon < 0 ? undefined : name.slice(0, colon).toLowerCase()) {
      case 'env':
        return `set the environment variable ${key}, ${orDefault}`;
      case 'sys':
        return `start with -D${key}=value, ${orDefault}`;
      case 'java':
        return 'ask for version, runtime, vm, os, hardware or locale';
      case 'date':
        return 'write a pattern of Java’s SimpleDateFormat, such as yyyy-MM-dd';
      case undefined:
        if (this.#surroundings.environment.has(name)) return `did you mean \${env:${name}}?`;
        return didYouMean(name, this.#entries.keys()) ?? `to mean the characters themselves, write $\${${name}}`;
      default:
        return `the prefixes are env, sys, java and date; to mean the characters themselves, write $\${${name}}`;
    }
  }
}

/** Where the `}` stands that closes the variable whose name begins at `from`, or −1. */
function closingBrace(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('${', at)) {
      depth++;
      at++;
    } else if (text[at] === '}') {
      if (depth === 0) return at;
      depth--;
    }
  }
  return -1;
}
