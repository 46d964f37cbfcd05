import { arch, availableParallelism, homedir, release, tmpdir, type, userInfo } from 'node:os';

/** What `${java:…}` answers: there is no Java here, so the answers tell what there is, in the shape Java gives them. */
export function javaPlatform(key: string): string | undefined {
  const { node, v8 } = process.versions;
  switch (key) {
    case 'version':
      return `Node.js version ${node}`;
    case 'runtime':
      return `Node.js (build ${node}) from the OpenJS Foundation`;
    case 'vm':
      return `V8 (build ${v8})`;
    case 'os':
      return `${type()} ${release()}, architecture: ${javaArchitecture()}`;
    case 'hardware':
      return `processors: ${availableParallelism()}, architecture: ${javaArchitecture()}`;
    case 'locale':
      return `default locale: ${locale()}, platform encoding: UTF-8`;
    default:
      return undefined;
  }
}

/** The system properties every Java process has and configurations use. */
export function javaSystemProperties(): ReadonlyMap<string, string> {
  return new Map([
    ['user.name', userName()],
    ['user.home', homedir()],
    ['user.dir', process.cwd()],
    ['java.io.tmpdir', tmpdir()],
    ['file.separator', '/'],
    ['path.separator', ':'],
    ['line.separator', '\n'],
    ['os.name', type()],
    ['os.arch', javaArchitecture()],
    ['os.version', release()],
  ]);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return '?'; // Java's answer for a user the system has no name for, as in many containers
  }
}

const javaArchitecture = () => ({ x64: 'amd64', arm64: 'aarch64' })[arch() as string] ?? arch();

const locale = () => new Intl.DateTimeFormat().resolvedOptions().locale.replace('-', '_');
