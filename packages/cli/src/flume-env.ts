import { readSystemProperty } from './java-flags.ts';
import { shellCommands, shellValue } from './shell.ts';

/** What a `flume-env.sh` would leave behind for the agent. */
export interface FlumeEnvironment {
  /** The `-D` settings in `JAVA_OPTS`. */
  readonly systemProperties: ReadonlyMap<string, string>;
  /** Exported variables, which a configuration may name as `${env:NAME}`. */
  readonly exported: ReadonlyMap<string, string>;
}

/** Words before a command that do not change what it assigns. */
const introductions = /^(then|else|do|\{|export|declare|typeset|readonly|local|-\w+)$/;

const assignment = /^([A-Za-z_]\w*)(\+?=)(.*)$/s;

/**
 * Reads a `flume-env.sh` without running it. Assignments and exports count wherever they stand, also under an `if`; every other
 * command is passed over, and what a command in a value (`$(…)`) would print counts as empty.
 */
export function readFlumeEnvironment(script: string, environment: NodeJS.ProcessEnv): FlumeEnvironment {
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) variables.set(name, value ?? '');
  variables.set('JAVA_OPTS', ''); // Flume's launcher forgets what it was started with before it reads the script.
  const exported = new Set<string>();

  for (const command of shellCommands(script)) {
    const start = command.findIndex((word) => !introductions.test(word));
    const words = start === -1 ? [] : command.slice(start);
    const exports = command.slice(0, start).includes('export');
    // `NAME=value command` sets the variable for that command alone.
    if (!exports && !words.every((word) => assignment.test(word))) continue;

    for (const word of words) {
      const [, name = word, operator, value = ''] = assignment.exec(word) ?? [];
      const before = operator === '+=' ? (variables.get(name) ?? '') : '';
      if (operator !== undefined) variables.set(name, before + shellValue(value, variables));
      if (exports) exported.add(name);
    }
  }

  return {
    systemProperties: systemPropertiesOf(variables.get('JAVA_OPTS') ?? ''),
    exported: new Map([...exported].map((name) => [name, variables.get(name) ?? ''])),
  };
}

/** The launcher splits JAVA_OPTS at blanks and nothing else; what is not a `-D` setting tunes a virtual machine. */
function systemPropertiesOf(javaOpts: string): ReadonlyMap<string, string> {
  const settings = javaOpts.split(/\s+/).filter((word) => word.startsWith('-D'));
  return new Map(settings.map(readSystemProperty));
}
