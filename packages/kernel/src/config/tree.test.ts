import { expect, test } from 'vitest';
import { parseProperties } from './properties.ts';
import { growTree } from './tree.ts';

const grow = (source: string) => growTree(parseProperties('f.conf', Buffer.from(source, 'latin1')).entries.values());

test('keys are sorted into agents, kinds, components and properties, with dots in properties', () => {
  const { agents, diagnostics } = grow(
    'a.sources = r\na.sources.r.x.y.z = 1\na.sinks.r.type = null\nb.channels.c.type = m',
  );
  expect(diagnostics).toEqual([]);
  expect([...agents.keys()]).toEqual(['a', 'b']);
  const a = agents.get('a')!;
  expect(a.lists.get('sources')?.value).toBe('r');
  expect(a.components.sources.get('r')?.get('x.y.z')).toMatchObject({
    value: '1',
    valuePlace: { line: 2, column: 21 },
  });
  expect([...a.components.sinks.keys()]).toEqual(['r']);
  expect(agents.get('b')?.place).toEqual({ file: 'f.conf', line: 4, column: 1 });
});

test('all five kinds have lists and components', () => {
  const { agents, diagnostics } = grow(
    ['sources', 'channels', 'sinks', 'sinkgroups', 'configfilters']
      .map((kind) => `a.${kind} = x\na.${kind}.x.type = y`)
      .join('\n'),
  );
  expect(diagnostics).toEqual([]);
  expect(agents.get('a')?.lists.size).toBe(5);
});

test.each([
  ['nodots = 1', 'malformed-key'],
  ['.sources = 1', 'malformed-key'],
  ['a. = 1', 'malformed-key'],
  ['= 1', 'malformed-key'],
  ['a.sources.r.type =', 'empty-value'],
  ['a.sources.r = 1', 'malformed-key'],
  ['a.sources..type = 1', 'malformed-key'],
  ['a.sources.r. = 1', 'malformed-key'],
  ['a.sourcesx.r.type = 1', 'unknown-kind'],
  ['a.source = r', 'unknown-kind'],
  ['foo.bar = x', 'phantom-agent'],
])('%s is ignored with a warning', (line, code) => {
  const { agents, diagnostics } = grow(`a.sources = r\n${line}`);
  expect(diagnostics.map((diagnostic) => [diagnostic.severity, diagnostic.code, diagnostic.place.line])).toEqual([
    ['warning', code, 2],
  ]);
  expect([...agents.keys()]).toEqual(['a']);
  expect(agents.get('a')?.components.sources.size).toBe(0);
});
