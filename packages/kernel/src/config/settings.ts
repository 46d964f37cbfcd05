import * as z from 'zod';
import type { ConfigOf, Declaration, Properties, Property } from '../spec.ts';
import { flag } from '../types.ts';
import { adviceOn } from './advice.ts';
import { type Diagnostic, isSecret, type Place, type Report } from './diagnostic.ts';
import type { Entry } from './properties.ts';
import { didYouMean } from './suggest.ts';
import type { Settings } from './tree.ts';

/** Who the settings belong to, for what is said about them. */
export interface Owner {
  /** Such as `a1.sources.r1`, or `a1.sources.r1.selector`: what stands before the property in a key. */
  readonly id: string;
  /** What becomes of it when a setting is bad, as a sentence. */
  readonly consequence: string;
  /** Where to point when what is wrong stands nowhere. */
  readonly place: Place;
}

/**
 * Reads the settings a declaration has a property for into typed values under TypeScript names. Undefined when one is bad and no
 * default may take its place; every mistake is reported.
 */
export function readSettings<Of extends Declaration>(
  declaration: Of,
  settings: Settings,
  owner: Owner,
  report: Report,
): ConfigOf<Of['properties']> | undefined {
  const config: Record<string, unknown> = {};
  let usable = true;
  for (const [key, property] of Object.entries<Property>(declaration.properties)) {
    const parsed = property.type.safeParse(textOf(property, settings));
    const entry = settings.get(isPrefix(property.name) ? firstBad(property, parsed) : property.name);
    if (parsed.success) {
      config[key] = parsed.data;
      if (entry !== undefined) warnOfFalse(property, entry, report);
    } else if (entry === undefined) {
      reportMissing(property, settings, owner, report);
      usable = false;
    } else {
      const fallback = property.whenBad === 'default' ? property.type.safeParse(undefined) : undefined;
      reportBad(property, entry, parsed.error, owner, fallback, report);
      if (fallback?.success) config[key] = fallback.data;
      else usable = false;
    }
  }
  if (!usable) return undefined;
  return keepsItsRules(declaration, config, settings, owner, report)
    ? (config as ConfigOf<Of['properties']>)
    : undefined;
}

const isPrefix = (name: string) => name.endsWith('.');

/** What a property's type reads: its text, or by their rest those of all names that begin with it. */
function textOf({ name }: Property, settings: Settings): unknown {
  if (!isPrefix(name)) return settings.get(name)?.value;
  const meant = [...settings].filter(([key]) => key.startsWith(name));
  return Object.fromEntries(meant.map(([key, { value }]) => [key.slice(name.length), value]));
}

/** The name of the setting below a prefix that its type does not take. */
function firstBad({ name }: Property, parsed: z.ZodSafeParseResult<unknown>): string {
  return `${name}${String(parsed.error?.issues[0]?.path[0] ?? '')}`;
}

function reportMissing(
  { name, doc }: Property,
  settings: Settings,
  { id, consequence, place }: Owner,
  report: Report,
): void {
  const mistyped = [...settings.keys()].find((key) => key.toLowerCase() === name.toLowerCase());
  report({
    severity: 'error',
    code: 'missing-property',
    place,
    subject: `${id}.${name}`,
    message: `${id} has no ${name}. ${consequence}`,
    suggestion: mistyped === undefined ? `set ${id}.${name}: ${doc}` : `write "${name}" for "${mistyped}"`,
  });
}

function reportBad(
  { name, type, doc }: Property,
  { key, value, valuePlace }: Entry,
  error: z.ZodError,
  { id, consequence }: Owner,
  fallback: z.ZodSafeParseResult<unknown> | undefined,
  report: Report,
): void {
  const [issue] = error.issues;
  const reason = issue?.message ?? 'cannot be read';
  const secret = isSecret(key);
  const shown = secret ? '******' : value.length > 80 ? `${value.slice(0, 80)}…` : value;
  const wrong = `${name} of ${id} ${reason.replaceAll(value, () => shown)}.`;
  const own = issue?.code === 'custom' ? issue.params?.['suggestion'] : undefined;
  report({
    severity: fallback?.success ? 'warning' : 'error',
    code: 'bad-value',
    place: valuePlace,
    subject: key,
    message: `${wrong} ${fallback?.success ? `It counts as ${fallback.data === undefined ? 'not set' : String(fallback.data)}, as in Flume.` : consequence}`,
    suggestion: (secret ? undefined : adviceOn(value)) ?? own ?? correction(type, doc),
  });
}

/** What to write instead of a value that nothing better is known about. */
function correction(type: z.ZodType, doc: string): string {
  const { success, data } = type.safeParse(undefined);
  if (!success) return `correct it: ${doc}`;
  return `correct it, or remove the line${['string', 'number', 'boolean'].includes(typeof data) ? ` for the default, ${data}` : ''}`;
}

/** Java reads `yes`, `1` and `on` as false, which hardly anybody means. */
function warnOfFalse({ name, type }: Property, { key, value, valuePlace }: Entry, report: Report): void {
  let inner: unknown = type;
  while (inner instanceof z.ZodDefault) inner = inner.unwrap();
  if (inner !== flag || /^(true|false)$/i.test(value)) return;
  report({
    severity: 'warning',
    code: 'not-a-boolean',
    place: valuePlace,
    subject: key,
    message: `${name} is "${value}", which counts as false, as in Flume: only "true" is true.`,
    suggestion: adviceOn(value) ?? 'write true or false',
  });
}

function keepsItsRules(
  declaration: Declaration,
  config: Readonly<Record<string, unknown>>,
  settings: Settings,
  owner: Owner,
  report: Report,
): boolean {
  const broken = declaration.check?.(config as ConfigOf<Properties>) ?? [];
  const doubtful = declaration.advise?.(config as ConfigOf<Properties>) ?? [];
  for (const sentence of broken) report(ruleBroken(sentence, 'error', settings, owner));
  for (const sentence of doubtful) report(ruleBroken(sentence, 'warning', settings, owner));
  return broken.length === 0;
}

function ruleBroken(
  sentence: string,
  severity: Diagnostic['severity'],
  settings: Settings,
  { id, consequence, place }: Owner,
): Diagnostic {
  const [rule = '', advice] = sentence.replace(/\.$/, '').split(/: (.*)/s);
  const entry = rule
    .split(/[^\w.-]+/)
    .map((word) => settings.get(word))
    .find((found) => found !== undefined);
  return {
    severity,
    code: severity === 'error' ? 'broken-rule' : 'advice',
    place: entry?.valuePlace ?? place,
    subject: entry?.key ?? id,
    message: `${id}: ${rule}.${severity === 'error' ? ` ${consequence}` : ''}`,
    ...(advice !== undefined && { suggestion: advice }),
  };
}

/** Warns of every setting that is neither a property of the declaration nor known otherwise; such a setting is ignored. */
export function reportUnknown(
  declaration: Declaration,
  settings: Settings,
  known: { readonly names: readonly string[]; readonly prefixes: readonly string[] },
  what: string,
  report: Report,
): void {
  const names = [...Object.values(declaration.properties).map(({ name }) => name), ...known.names];
  const prefixes = [...names.filter(isPrefix), ...known.prefixes];
  const declared = new Set(names);
  for (const [name, { key, keyPlace }] of settings) {
    if (declared.has(name) || prefixes.some((prefix) => name.startsWith(prefix))) continue;
    const reason = withoutMeaning(declaration, name);
    if (reason !== undefined) {
      const message = `${name} has no meaning here, so the line is ignored: ${reason}`;
      report({
        severity: 'warning',
        code: 'no-meaning',
        place: keyPlace,
        subject: key,
        message,
        suggestion: 'remove the line',
      });
      continue;
    }
    const suggestion = didYouMean(name, names);
    report({
      severity: 'warning',
      code: 'unknown-property',
      place: keyPlace,
      subject: key,
      message: `${what} has no property "${name}", so the line is ignored.`,
      suggestion: suggestion ?? `it has ${names.join(', ')}`,
    });
  }
}

/** Why a property of Flume has no meaning here; undefined when that is not so. */
function withoutMeaning({ withoutMeaning: reasons = {} }: Declaration, name: string): string | undefined {
  const means = (known: string) => name === known || (known.endsWith('.') && name.startsWith(known));
  return Object.entries(reasons).find(([known]) => means(known))?.[1];
}
