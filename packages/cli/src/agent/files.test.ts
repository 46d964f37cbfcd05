import { expect, test } from 'vitest';
import { configurationFiles } from './files.ts';

test('files are read in the order they are given', () => {
  expect(configurationFiles({ confFile: ['b.conf', 'a.conf'] })).toEqual({ files: ['b.conf', 'a.conf'], notes: [] });
});

test('given both, URIs are read and files are not, and that is said', () => {
  const { files, notes } = configurationFiles({ confFile: ['a.conf'], confUri: ['file:///b.conf'] });
  expect(files).toEqual(['/b.conf']);
  expect(notes).toEqual(['--conf-uri is given, so --conf-file is ignored, as in Flume: a.conf is not read.']);
});

test.for([
  ['file:///etc/flume/a%20b.conf', '/etc/flume/a b.conf'],
  ['file:/etc/flume/a.conf', '/etc/flume/a.conf'],
  ['FILE:///etc/a.conf', '/etc/a.conf'],
  ['file:conf/a.conf', 'conf/a.conf'],
  ['conf/a.conf', 'conf/a.conf'],
] as const)('%s is the file %s', ([uri, file]) => {
  expect(configurationFiles({ confUri: [uri] })).toEqual({ files: [file], notes: [] });
});

test.for(['file://host/a.conf', 'file:%zz', 'file:///%zz', 'file:///a%2fb', 'file:a%00b', 'file:'])(
  '%s names no file of this machine, and that is said',
  (uri) => {
    const { files, notes } = configurationFiles({ confUri: [uri, 'file:b.conf'] });
    expect(files).toEqual(['b.conf']);
    expect(notes).toEqual([expect.stringContaining(`${uri} is not read: `)]);
  },
);

test.for(['http://host/a.conf', 'https://host/a.conf', 'classpath://a.conf'])(
  '%s is not read, and that is said',
  (uri) => {
    const { files, notes } = configurationFiles({ confUri: [uri] });
    expect(files).toEqual([]);
    expect(notes).toEqual([expect.stringContaining(`${uri} is not read`)]);
  },
);
