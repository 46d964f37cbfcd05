/** A command line without what Flume's wrapper script takes out of it for the Java virtual machine. */
export interface JavaFlags {
  /** From `-Dkey=value`; of equal keys the last. */
  readonly systemProperties: ReadonlyMap<string, string>;
  /** Flags that tune a virtual machine, such as `-Xmx1g`: there is none here to tune. */
  readonly machineFlags: readonly string[];
  /** Everything else, in order, with single-dash words turned into the double-dash options they mean. */
  readonly rest: readonly string[];
}

/** Flume's options whose short form has several letters, which no POSIX parser takes for one option. */
const wordsOfFlume: Readonly<Record<string, string>> = {
  prov: 'conf-provider',
  user: 'conf-user',
  pwd: 'conf-password',
};

/**
 * Takes `-D…`, `-X…`, `-agentlib…`, `-agentpath…` and `-javaagent…` out of a command line. A word of `longNames` behind one
 * dash, which Flume's parser takes as well, gets its second dash.
 */
export function takeJavaFlags(args: readonly string[], longNames: readonly string[]): JavaFlags {
  const systemProperties = new Map<string, string>();
  const machineFlags: string[] = [];
  const rest: string[] = [];

  for (const arg of args) {
    if (arg.startsWith('-D')) {
      const [key, value] = readSystemProperty(arg);
      systemProperties.set(key, value);
    } else if (/^-(X|agentlib|agentpath|javaagent)/.test(arg)) {
      machineFlags.push(arg);
    } else {
      rest.push(withTwoDashes(arg, longNames));
    }
  }
  return { systemProperties, machineFlags, rest };
}

/** Reads `-Dkey=value`; without `=` the value is empty, as for Java. */
export function readSystemProperty(flag: string): readonly [key: string, value: string] {
  const [, key = '', value = ''] = /^-D([^=]*)=?(.*)$/s.exec(flag) ?? [];
  return [key, value];
}

function withTwoDashes(arg: string, longNames: readonly string[]): string {
  const [, word, value = ''] = /^-([A-Za-z][\w-]+)(=.*)?$/s.exec(arg) ?? [];
  if (word === undefined) return arg;
  const name = wordsOfFlume[word] ?? (longNames.includes(word) ? word : undefined);
  return name === undefined ? arg : `--${name}${value}`;
}
