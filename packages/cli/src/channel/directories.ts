import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type FileDirectories, holderOf } from '@millrace/channel-native';
import { quoted } from '../shell.ts';

const SEGMENT = /^[0-9a-f]{16}\.segment$/;
const FILE_OF_FLUME = /^log-\d/;

/** Finds the directories of the channel that is meant, and makes sure that nobody has it open. Throws sentences. */
export function locate(named: readonly string[], checkpoints: readonly string[] | undefined): FileDirectories {
  const found = named.map((directory) => locateOne(resolve(directory)));
  const beside = found.map(({ checkpoint }) => checkpoint).filter((directory) => isDirectory(directory));
  const directories = {
    data: unique(found.map(({ data }) => data)),
    checkpoints: unique(checkpoints?.map((directory) => resolve(directory)) ?? beside),
  };
  const user = userOf(directories);
  if (user === undefined) return directories;
  throw new Error(
    `${user.directory} is in use by ${user.holder}. Stop that agent, or copy the directories and look at the copy; for the figures of a running channel: millrace status`,
  );
}

/** Who has begun to use the directories since they were located, in a sentence. */
export function usedMeanwhile(directories: FileDirectories): string | undefined {
  const user = userOf(directories);
  return (
    user &&
    `Meanwhile ${user.holder} has begun to use ${user.directory}, so that what was read last may not fit together.`
  );
}

function userOf({ data }: FileDirectories): { directory: string; holder: string | undefined } | undefined {
  return data
    .map((directory) => ({ directory, holder: holderOf(directory) }))
    .find(({ holder }) => holder !== undefined);
}

function locateOne(directory: string): { data: string; checkpoint: string } {
  const names = list(directory);
  if (names.some((name) => SEGMENT.test(name) || FILE_OF_FLUME.test(name))) {
    return { data: directory, checkpoint: join(dirname(directory), 'checkpoint') };
  }
  if (names.includes('data')) {
    const data = join(directory, 'data');
    if (list(data).some((name) => SEGMENT.test(name) || FILE_OF_FLUME.test(name))) {
      return { data, checkpoint: join(directory, 'checkpoint') };
    }
    throw new Error(`${data} holds no file channel: it has no *.segment file.`);
  }
  throw new Error(
    `${directory} holds no file channel: it has neither a *.segment file nor a directory data. ${advice(directory, names)}`,
  );
}

function advice(directory: string, names: readonly string[]): string {
  if (names.some((name) => name.endsWith('.checkpoint'))) {
    return 'It holds checkpoints: name the directory of the data, and this one behind --checkpoint.';
  }
  const channels = names.map((name) => join(directory, name)).filter((child) => isDirectory(join(child, 'data')));
  return channels.length === 0
    ? 'The dataDirs of the channel say where it is.'
    : `Did you mean ${channels.join(' or ')}?`;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    throw new Error(
      `${directory} ${reasons[(error as NodeJS.ErrnoException).code ?? ''] ?? `cannot be read: ${(error as Error).message}.`}`,
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist.',
  ENOTDIR: 'is not a directory: name the directory in which the *.segment files of the channel are.',
  EACCES: 'may not be read by you: run this as the user the agent runs as.',
};

function isDirectory(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
}

const unique = (paths: readonly string[]) => [...new Map(paths.map((path) => [real(path), path])).values()];

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The name of a segment's file. */
export const segmentName = (number: number) => `${number.toString(16).padStart(16, '0')}.segment`;

/** A command line that does something else with the same channel. */
export function commandFor(part: string, { data, checkpoints }: FileDirectories, ...flags: readonly string[]): string {
  const beside = data.map((directory) => join(dirname(directory), 'checkpoint'));
  const said = checkpoints
    .filter((directory) => !beside.includes(directory))
    .map((directory) => `--checkpoint ${quoted(directory)}`);
  return ['millrace channel', part, ...flags, ...data.map(quoted), ...said].join(' ');
}
