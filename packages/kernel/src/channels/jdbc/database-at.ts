import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseProperties } from '../../config/properties.ts';
import type { ConfigOf } from '../../spec.ts';
import type { DatabaseAt } from './messages.ts';
import type { jdbc } from './spec.ts';

/** The database that a configuration means: a file of the agent's own when it names none. */
export async function databaseAt(config: ConfigOf<typeof jdbc.properties>, id: string): Promise<DatabaseAt> {
  const { createSchema, driverUrl: url } = config;
  if (url === undefined) {
    const names = id.split('.channels.').map(encodeURIComponent);
    const home = config.userHome ?? homedir();
    return { kind: 'sqlite', file: join(home, '.flume', 'jdbc-channel', ...names, 'db.sqlite'), createSchema };
  }
  if (url.kind === 'sqlite') return { kind: 'sqlite', file: resolve(url.file), createSchema };
  return { kind: 'postgres', url: await withSettings(url.url, config), createSchema };
}

/** The URL with what other properties say of the connection; what the URL says itself wins. */
async function withSettings(text: string, config: ConfigOf<typeof jdbc.properties>): Promise<string> {
  const { username, password, propertiesFile } = config;
  const url = new URL(text);
  const more = {
    ...(propertiesFile !== undefined && (await propertiesOf(propertiesFile))),
    ...(username !== undefined && { user: username }),
    ...(password !== undefined && { password }),
  };
  for (const [name, value] of Object.entries(more)) {
    const said = url.searchParams.has(name) || (name === 'user' ? url.username : name === 'password' && url.password);
    if (!said) url.searchParams.set(name, value);
  }
  return url.href;
}

async function propertiesOf(file: string): Promise<Record<string, string>> {
  const { entries, readable } = parseProperties(file, await readFile(file));
  if (!readable) throw new Error(`connection.properties.file: ${file} cannot be read as Java properties.`);
  return Object.fromEntries([...entries.values()].map(({ key, value }) => [key, value]));
}
