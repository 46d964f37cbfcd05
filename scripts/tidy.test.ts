import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { registrations } from '../packages/cli/dist/agent/components.js';
import { loadConfiguration } from '../packages/kernel/dist/config/load.js';
import { createRegistry } from '../packages/kernel/dist/config/registry.js';
import { renderDiagnostics } from '../packages/kernel/dist/config/render.js';
import { errorCodes } from '../packages/kernel/dist/errors.js';
import { metricsOf } from '../packages/kernel/dist/metrics/base.js';
import { prometheusName } from '../packages/kernel/dist/metrics/prometheus.js';
import { defects } from './lib/defects.js';

/** The rules of the house. Each test lists what breaks its rule; an empty list is a pass, and a full one says what to do. */

const root = resolve(import.meta.dirname, '..');
const find = (...patterns: string[]) =>
  globSync(patterns, { cwd: root, exclude: (name) => /^(node_modules|dist|target|\.git|\.turbo)$/.test(name) }).sort();
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

function importsOf(text: string): Import[] {
  const statements = text.matchAll(/^(?:import|export)\s(?<what>[^'";]*?\sfrom\s+)?'(?<from>[^']+)'/gm);
  const imported = [...statements].map(({ groups = {} }) => ({
    from: groups['from'] ?? '',
    typeOnly: /^type\s/.test(groups['what'] ?? ''),
  }));
  const dynamic = [...text.matchAll(/\bimport\('([^']+)'\)/g)].map(([, from = '']) => ({ from, typeOnly: false }));
  return [...imported, ...dynamic];
}

describe('a component is one folder', () => {
  const folders = find('packages/{sources,sinks,interceptors}/src/*/spec.ts').map(dirname);

  test('with its declaration, its behaviour and its test', () => {
    const incomplete = folders.flatMap((folder) => {
      const files = readdirSync(join(root, folder));
      const behaviour = `${folder.split('/')[1]!.slice(0, -1)}.ts`;
      return [
        ...(files.includes(behaviour) ? [] : [`${folder} has no ${behaviour}, in which the component would behave`]),
        ...(files.some((file) => file.endsWith('.test.ts')) ? [] : [`${folder} has no test`]),
      ];
    });
    expect(incomplete).toEqual([]);
    expect(folders).not.toEqual([]);
  });

  test('that is registered, under the name of the folder', () => {
    const registered = registrations.map(({ spec, module }) => ({
      type: spec.type,
      folder: relative(root, dirname(module.pathname)).replace('/dist/', '/src/'),
    }));
    const lost = folders.filter((folder) => !registered.some((component) => component.folder === folder));
    expect(lost.map((folder) => `${folder} is not in the list of its package, so no configuration can use it`)).toEqual(
      [],
    );
    const misnamed = registered.filter(({ folder, type }) => folders.includes(folder) && basename(folder) !== type);
    expect(misnamed.map(({ folder, type }) => `${folder} holds "${type}": name the folder like the type`)).toEqual([]);
  });

  test('whose declaration imports only the kernel and other declarations', () => {
    const foreign = find('packages/*/src/*/**/spec.ts').flatMap((file) =>
      importsOf(read(file))
        .filter(
          ({ from }) =>
            !/^@millrace\/(kernel\/|channel-native\/limits$)|^(\.\.\/)+(spec|types|words|(serializers|shared\/\w+)\/properties)\.ts$/.test(
              from,
            ),
        )
        .map(
          ({ from }) =>
            `${file} imports ${from}: a declaration is data, and the manual is made of it; keep it free of behaviour`,
        ),
    );
    expect(foreign).toEqual([]);
  });

  test('whose behaviour knows its declaration as a type', () => {
    const heavy = find('packages/{sources,sinks,interceptors}/src/*/*.ts')
      .filter((file) => !/(spec|properties|\.test)\.ts$/.test(file))
      .flatMap((file) =>
        importsOf(read(file))
          .filter(({ from, typeOnly }) => from.endsWith('spec.ts') && !typeOnly)
          .map(
            ({ from }) =>
              `${file} imports ${from} as a value: write \`import type\`, or its worker loads the schema library`,
          ),
      );
    expect(heavy).toEqual([]);
  });

  test('whose worker never loads the schema library', () => {
    const entries = [
      ...registrations.map(({ module }) => module.pathname),
      join(root, 'packages/kernel/dist/guest.js'),
    ];
    const ways = entries.filter((entry) => existsSync(entry)).map((entry) => wayTo('zod', entry));
    expect(ways.filter((way) => way !== undefined).map((way) => `${way}: break this chain of imports`)).toEqual([]);
  });
});

/** How a compiled module comes to import a package, as a chain of files. */
function wayTo(name: string, file: string, seen = new Set<string>()): string | undefined {
  if (seen.has(file)) return undefined;
  seen.add(file);
  const here = relative(root, file);
  for (const { from } of importsOf(readFileSync(file, 'utf8'))) {
    if (from === name) return `${here} imports ${name}`;
    const target = targetOf(from, file);
    const way = target === undefined ? undefined : wayTo(name, target, seen);
    if (way !== undefined) return `${here} → ${way}`;
  }
  return undefined;
}

function targetOf(from: string, importer: string): string | undefined {
  if (from.startsWith('.')) return resolve(dirname(importer), from);
  const [, project, path = 'index'] = /^@millrace\/([\w-]+)(?:\/(.+))?$/.exec(from) ?? [];
  if (project === undefined) return undefined;
  const target = join(root, 'packages', project, 'dist', path);
  return existsSync(`${target}.js`) ? `${target}.js` : join(target, 'index.js');
}

describe('an error has one name', () => {
  const codes = Object.keys(errorCodes);

  test('and every name is explained in the manual, and back', () => {
    const sections = [...read('docs/reference/errors.md').matchAll(/^## (MR_\w+)$/gm)].map(([, code = '']) => code);
    const unexplained = codes.filter((code) => !sections.includes(code));
    const unknown = sections.filter((code) => !codes.includes(code));
    expect(
      unexplained.map((code) => `docs/reference/errors.md does not explain ${code}: add a section "## ${code}"`),
    ).toEqual([]);
    expect(
      unknown.map((code) => `docs/reference/errors.md explains ${code}, which packages/kernel/src/errors.ts lacks`),
    ).toEqual([]);
  });

  test('which is the same in Rust', () => {
    const unknown = find('packages/channel-native/{engine,binding}/src/**/*.rs').flatMap((file) =>
      [...read(file).matchAll(/"(MR_[A-Z_]+)"/g)]
        .filter(([, code = '']) => !codes.includes(code))
        .map(([, code]) => `${file} says ${code}, which packages/kernel/src/errors.ts lacks`),
    );
    expect(unknown).toEqual([]);
  });
});

test('a metric has a name that says whether it counts, and is the same thing in every component', () => {
  const seen = new Map<string, string>();
  const wrong: string[] = [];
  for (const { spec } of registrations) {
    const { kind } = spec;
    const measured = kind === 'source' || kind === 'channel' || kind === 'sink';
    for (const metric of Object.values(measured ? metricsOf({ ...spec, kind }) : spec.metrics)) {
      const name = prometheusName(metric);
      const counts = metric.instrument === 'counter';
      if (!/^[A-Za-z_]\w*$/.test(name)) wrong.push(`${name} of ${spec.type} ${kind} is no name of Prometheus`);
      if (name.endsWith('_total') !== counts)
        wrong.push(`${name} of ${spec.type} ${kind}: only counters end in _total`);
      if ((seen.get(name) ?? metric.instrument) !== metric.instrument) wrong.push(`${name} is a counter and a gauge`);
      seen.set(name, metric.instrument);
    }
  }
  expect(wrong).toEqual([]);
});

test.for(find('examples/**/*.conf'))('%s can be run as it is', async (file) => {
  const environment = new Map<string, string>();
  const registry = createRegistry(registrations);
  const { plans, diagnostics, texts } = await loadConfiguration({
    files: [join(root, file)],
    system: new Map(),
    environment,
    registry,
  });
  expect(renderDiagnostics(diagnostics, texts)).toBe('');
  expect(plans.size).toBeGreaterThan(0);
});

describe('durability', () => {
  const manual = 'docs/design/durability.md';

  test('is promised where a test holds it', () => {
    const links = [...read(manual).matchAll(/\[`([^`]+)`\]\(([^)]+)\)/g)];
    const missing = links.filter(([, name = '', path = '']) => {
      const file = resolve(root, dirname(manual), path);
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return !text.includes(file.endsWith('.rs') ? `fn ${name}(` : `'${name}'`);
    });
    expect(missing.map(([, name, path]) => `${manual} names the test "${name}", which ${path} lacks`)).toEqual([]);
    expect(links).not.toEqual([]);
  });

  test('is proven against every defect that the engine can be given', () => {
    const made = [...read('packages/channel-native/engine/src/defect.rs').matchAll(/^ {4}([A-Z]\w+),$/gm)];
    expect(defects().map(({ defect }) => defect)).toEqual(made.map(([, name]) => name));
  });
});

test('no file is longer than a reader can hold', () => {
  const long = find('{packages,bench,test,scripts}/**/*.{ts,rs,js}')
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => ({ file, lines: read(file).split('\n') }))
    .filter(({ lines }) => lines.length > 401 && !lines.slice(0, 5).some((line) => /^\/\/ long: \S/.test(line)));
  const advice = 'split it by idea, or say at its top why not: // long: …';
  expect(long.map(({ file, lines }) => `${file} has ${lines.length - 1} lines: ${advice}`)).toEqual([]);
});

test('nothing refers to a place outside the repository', () => {
  const outside = find('*.md', '{packages,bench,test,scripts,docs,examples}/**/*.{ts,js,rs,md,json,toml,conf}').flatMap(
    (file) =>
      [...read(file).matchAll(/(?<![\w/.])(?:\.\.\/)+shared\b[\w./-]*/g)]
        .filter(([path]) => !existsSync(resolve(root, dirname(file), path)))
        .map(([path]) => `${file} names ${path}, which a clone does not have`),
  );
  expect(outside).toEqual([]);
});
