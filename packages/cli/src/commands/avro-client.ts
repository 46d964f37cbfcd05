import { type Command, InvalidArgumentError } from 'commander';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { quoted } from '../shell.ts';
import type { JavaSettings } from './agent.ts';

/** What the command line says about sending lines. */
export interface AvroClientOptions {
  readonly host?: string;
  readonly port?: number;
  readonly rpcProps?: string;
  readonly filename?: string;
  readonly dirname?: string;
  readonly headerFile?: string;
  readonly conf?: string;
}

const help = `
Each line becomes an event, in UTF-8; lines end at LF, CR or CR LF. At the end it prints how many lines were sent, and how many of them
the source has acknowledged: those are in its channel. The first failure ends it.

--dirname takes the files of a directory, the oldest first, and renames each to NAMEfileSuffix (so does Flume) when all of its lines are
acknowledged. Hidden files and those that end in fileSuffix or .COMPLETED are left alone.

Examples:
  millrace avro-client -H localhost -p 4141 -F access.log
  printf 'Hello world!\\n' | millrace avro-client -H localhost -p 4141
  tail -F access.log | millrace avro-client -H localhost -p 4141 -R headers.properties
      headers.properties says name = value; every event has these headers
  millrace avro-client -P client.properties --dirname /var/spool/lines
      client.properties says more about the connection, for example two hosts of which the second stands in for the first, over TLS:
        client.type = default_failover
        hosts = h1 h2
        hosts.h1 = collector1:4141
        hosts.h2 = collector2:4141
        batch-size = 100
        ssl = true
        truststore = /etc/millrace/trusted.pem

An agent that listens on port 4141 has a source with type = avro, bind = 0.0.0.0 and port = 4141.

Settings (-Dkey=value): javax.net.ssl.trustStore and Flume's other ones for TLS, or their environment variables, where client.properties has ssl = true
and does not say more.

Exit codes:
  0  every line was acknowledged
  1  not all were, or something could not be read; the output says what
  2  the command line cannot be understood`;

/** Adds `avro-client`, with every flag that Flume's takes. */
export function addAvroClientCommand(
  program: Command,
  java: () => JavaSettings,
  end: (code: ExitCode) => void,
): Command {
  const command = program
    .command('avro-client')
    .summary('send lines of text to an Avro source')
    .description('Sends lines of a file, of the files of a directory, or of standard input to an Avro source.')
    .option('-H, --host <host>', 'host of the source')
    .option('-p, --port <port>', 'its port', port)
    .option('-P, --rpcProps <file>', 'properties of the connection, instead of --host and --port')
    .option('-F, --filename <file>', 'file to send (default: standard input)')
    .option('--dirname <dir>', 'directory whose files to send')
    .option('-R, --headerFile <file>', 'properties file with headers for every event')
    .option('-c, --conf <dir>', 'configuration directory, of which flume-env.sh is read')
    .option('-C, --classpath <path>', 'taken without effect')
    .option('--plugins-path <dirs>', 'taken without effect')
    .option('-d, --dryrun', 'print what would be run, and do not run it')
    .addHelpText('after', help);

  return command.action(async (options: AvroClientOptions & { readonly dryrun?: true }) => {
    const { host, port, rpcProps, filename, dirname } = options;
    if (rpcProps === undefined && host === undefined) command.error('error: which host? Give it: -H HOST -p PORT');
    if (rpcProps === undefined && port === undefined) command.error('error: which port? Give it: -p PORT');
    if (filename !== undefined && dirname !== undefined) {
      command.error('error: --filename and --dirname exclude each other: give one of them');
    }
    if (options.dryrun) {
      const flags = ['host', 'port', 'rpcProps', 'filename', 'dirname', 'headerFile'] as const;
      const given = flags.filter((flag) => options[flag] !== undefined);
      const words = given.flatMap((flag) => [`--${flag}`, quoted(String(options[flag]))]);
      process.stdout.write(`${['millrace', 'avro-client', ...words].join(' ')}\n`);
      return;
    }
    const { sendLines } = await import('../avro-client/send-lines.ts');
    try {
      end(await sendLines(options, java().systemProperties));
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n`);
      end(exitCodes.failed);
    }
  });
}

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It must be a port from 0 to 65535.');
}
