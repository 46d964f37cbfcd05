import * as z from 'zod';
import { errorCodes } from './errors.ts';
import { metricsOf } from './metrics/base.ts';
import { prometheusName } from './metrics/prometheus.ts';
import type { GlobalSetting, Kind, Property, Spec } from './spec.ts';

/** What every component of a kind has besides its own properties. */
const wiring: Partial<Record<Kind, string>> = {
  source:
    ' Besides the properties below, `channels` names the channels it puts into, and `interceptors` what its events pass before.',
  sink: ' Besides the properties below, `channel` names the channel it takes from.',
  interceptor:
    ' The source it belongs to lists its name, such as `i1`, in `interceptors`; before the properties below stands `interceptors.i1`, and a dot.',
};

/** The reference page of one component. Everything on it comes from the declaration; `origin` is the file that holds it. */
export function manualPage(spec: Spec, origin: string): string {
  const names = [spec.type, ...spec.classNames].map((name) => `\`${name}\``);
  return page([
    `<!-- Generated from ${origin} by \`npm run generate\`: change that file, not this one. -->`,
    `# ${spec.type} ${spec.kind}`,
    spec.summary,
    `Type: ${names.join(' or ')}, in any case. Stability: ${spec.stability}.${wiring[spec.kind] ?? ''}`,
    ...section(
      'Properties',
      ['Property', 'Takes', 'Default', 'Meaning'],
      Object.values(spec.properties).map(propertyRow),
    ),
    ...section(
      'Without meaning here',
      ['Property of Flume', 'Why'],
      Object.entries(spec.withoutMeaning ?? {}).map(([name, why]) => [shown(name), why]),
    ),
    ...metricsSection(spec),
  ]);
}

/** The list of all reference pages. */
export function manualIndex(specs: readonly Spec[]): string {
  const kinds = [...new Set(specs.map(({ kind }) => kind))].sort();
  const entry = ({ kind, type, summary }: Spec) => `- [${type}](${kind}s/${type}.md): ${summary}`;
  return page([
    '<!-- Generated from the declarations of all components by `npm run generate`: change those, not this file. -->',
    '# Reference',
    'Every error is explained in [errors](errors.md); what is not as in Flume stands in [differences](differences.md). [schema.json](schema.json) says for programs what a configuration may hold. The components:',
    ...kinds.flatMap((kind) => {
      const ofKind = specs.filter((spec) => spec.kind === kind).sort((a, b) => a.type.localeCompare(b.type));
      return [`## ${capital(kind)}s`, ofKind.map(entry).join('\n')];
    }),
  ]);
}

/** The table of all error codes, each linked to its section. */
export function errorTable(): string {
  const rows = Object.entries(errorCodes).map(([code, meaning]) => [`[\`${code}\`](#${code.toLowerCase()})`, meaning]);
  return table(['Code', 'Meaning'], rows);
}

function propertyRow({ name, type, doc, global }: Property): string[] {
  return [shown(name), takes(type), defaultOf(type), global === undefined ? doc : `${doc} ${standIn(global)}`];
}

function standIn({ systemProperty, environment, commas }: GlobalSetting): string {
  const written = commas ? ', with commas in place of blanks' : '';
  return `For all components at once: \`-D${systemProperty}=…\`, or else the environment variable \`${environment}\`${written}.`;
}

/** All figures of a component, those of its kind first, by their names in Prometheus and in Flume's JSON. */
function metricsSection(spec: Spec): string[] {
  const { kind, metrics, flumeEntry } = spec;
  const measured = kind === 'source' || kind === 'channel' || kind === 'sink';
  const all = Object.values(measured ? metricsOf({ kind, metrics }) : metrics);
  const rows = all.map((metric) => [
    `\`${prometheusName(metric)}\``,
    metric.instrument,
    metric.doc,
    metric.flume === undefined || flumeEntry === false ? '' : `\`${metric.flume}\``,
  ]);
  const none = measured && flumeEntry === false ? ["Flume's JSON has no entry for components of this type."] : [];
  return [...section('Metrics', ['In Prometheus', 'Kind', 'Meaning', "In Flume's JSON"], rows), ...none];
}

/** A name as the manual has it; one that ends with a dot stands for all that begin with it. */
const shown = (name: string) => `\`${name}${name.endsWith('.') ? '*' : ''}\``;

/** What a property takes, in the words with which it refuses a value. */
function takes(type: z.ZodType): string {
  let inner: unknown = type;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional) inner = inner.unwrap();
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => `\`${option}\``).join(', ');
  return inner instanceof z.ZodType ? (inner.safeParse(undefined).error?.issues[0]?.message ?? '') : '';
}

function defaultOf(type: z.ZodType): string {
  const { success, data } = type.safeParse(undefined);
  if (!success) return '**required**';
  const text = Array.isArray(data) ? data.join(' ') : typeof data === 'object' ? '' : String(data ?? '');
  return text === '' ? 'none' : `\`${text}\``;
}

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [`## ${title}`, table(head, rows)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const page = (blocks: readonly string[]) => `${blocks.join('\n\n')}\n`;
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
