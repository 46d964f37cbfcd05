import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ExitCode, exitCodesHelp } from '../exit-codes.ts';

/** What the command line says about an agent, after `flume.opts` has had its word. Absent is what nobody said. */
export interface AgentOptions {
  readonly name: string;
  readonly conf?: string;
  readonly confFile?: readonly string[];
  readonly confUri?: readonly string[];
  readonly confProvider?: string;
  readonly confUser?: string;
  readonly confPassword?: string;
  readonly authProvider?: string;
  readonly pollInterval?: number;
  readonly backupDirectory?: string;
  readonly reloadConf: boolean;
  readonly zkConnString?: string;
  readonly zkBasePath?: string;
  readonly classpath?: string;
  readonly pluginsPath?: string;
  readonly dryrun?: true;
}

/** An agent that was asked for. */
export interface AgentRequest extends AgentOptions, JavaSettings {
  /** What was noticed while the options were gathered, for the log. */
  readonly notes: readonly string[];
}

/** What was meant for a Java virtual machine, and is not commander's to parse. */
export interface JavaSettings {
  readonly systemProperties: ReadonlyMap<string, string>;
  readonly machineFlags: readonly string[];
}

const help = `
Examples:
  millrace agent -n a1 -f examples/netcat-logger.conf
      runs the agent a1 of that file until Ctrl-C; where it listens stands in its log
  millrace agent -n a1 -c /etc/flume/conf -f flows.conf -Dflume.root.logger=DEBUG,console
      reads the -D settings of /etc/flume/conf/flume-env.sh too, and says more in its log

Settings (-Dkey=value, repeatable):
  -Dflume.root.logger=LEVEL[,…]   how much the log says: TRACE, DEBUG, INFO, WARN, ERROR or OFF
  -Dmillrace.log.level=LEVEL      the same, and it wins
  -Dflume.monitoring.type=http    metrics at /metrics, as Flume has them, and /metrics/prometheus
  -Dflume.monitoring.port=PORT    where (default: 41414)
  -Danything=value                what \${sys:anything} in the configuration stands for

While it runs, it takes a changed file on, and millrace status, stop and reload speak to it.

The log goes to standard error: for people on a terminal, as JSON lines otherwise. Events that the logger sink prints go to standard output.
${exitCodesHelp}`;

/** Flume's flags that change nothing here, or not yet; the log of an agent that is given one says so. */
const withoutEffect = [
  ['-a, --auth-provider <class>', 'authorization for --conf-uri with http'],
  ['-b, --backup-directory <dir>', 'copies of configurations that loaded'],
  ['-C, --classpath <path>', 'Java class path'],
  ['--conf-provider <class>', '(also -prov) Java class that provides the configuration'],
  ['--conf-user <name>', '(also -user) for --conf-uri with http'],
  ['--conf-password <password>', '(also -pwd) for --conf-uri with http'],
  ['--plugins-path <dirs>', 'directories with Java plugins'],
  ['-z, --zkConnString <hosts>', 'ZooKeeper that holds the configuration'],
  ['-p, --zkBasePath <path>', 'where it is in ZooKeeper'],
] as const;

/** Adds `agent`, with every flag that Flume's launcher and its agent take. */
export function addAgentCommand(program: Command, java: () => JavaSettings, end: (code: ExitCode) => void): Command {
  const repeated = (value: string, earlier: readonly string[] = []) => [...earlier, value];
  const command = program
    .command('agent')
    .alias('node')
    .summary('run an agent until it is stopped')
    .description('Runs the agent of the given name as the configuration files describe it.')
    .option('-n, --name <name>', 'the agent to run; a file may describe several')
    .option('-f, --conf-file <file>', 'configuration file (repeatable; later files win)', repeated)
    .option('-u, --conf-uri <uri>', 'the same as a file: URI (repeatable); --conf-file is then ignored', repeated)
    .option('-c, --conf <dir>', 'configuration directory, of which flume-env.sh and flume.opts are read')
    .option('-i, --poll-interval <seconds>', 'how often to look whether a file has changed (default: 30)', wholeNumber)
    .option('--no-reload-conf', 'do not look whether a file has changed')
    .option('-d, --dryrun', 'print what would be run, and do not run it')
    .addHelpText('after', help);
  for (const [flags, description] of withoutEffect) {
    command.addOption(
      new Option(flags, description).helpGroup('Accepted for the sake of Flume’s scripts, without effect:'),
    );
  }

  return command.action(async () => {
    const { applyOptionsFile } = await import('../flume-opts.ts');
    const notes = applyOptionsFile(command, command.opts()['conf']);
    const options = command.opts<AgentOptions>();
    const refuse = (question: string) => command.error([...notes, `error: ${question}`].join('\n'));
    if (options.name === undefined) refuse('which agent? Give its name: -n NAME');
    if (options.confFile === undefined && options.confUri === undefined) {
      refuse('which configuration? Give its file: -f FILE');
    }
    const { runAgent } = await import('../agent/run.ts');
    end(await runAgent({ ...options, ...java(), notes }));
  });
}

function wholeNumber(text: string): number {
  if (/^\+?\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of seconds.');
}
