import { fileURLToPath } from 'node:url';

/** The files that make up an agent's configuration, in order, and what is to be said about the choice. */
export interface ConfigurationFiles {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/** Flume reads the URIs alone when there are any, and the files otherwise. Of URIs only those of files can be read here. */
export function configurationFiles({
  confFile = [],
  confUri = [],
}: {
  readonly confFile?: readonly string[] | undefined;
  readonly confUri?: readonly string[] | undefined;
}): ConfigurationFiles {
  if (confUri.length === 0) return { files: confFile, notes: [] };

  const notes: string[] = [];
  if (confFile.length > 0) {
    notes.push(`--conf-uri is given, so --conf-file is ignored, as in Flume: ${confFile.join(', ')} is not read.`);
  }
  const files: string[] = [];
  for (const uri of confUri) {
    const scheme = /^([a-z][a-z\d+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
    if (scheme !== undefined && scheme !== 'file') {
      notes.push(`${uri} is not read: configurations are read from files only, not by ${scheme}.`);
      continue;
    }
    const file = scheme === undefined ? uri : fileOf(uri);
    if (file !== undefined) files.push(file);
    else
      notes.push(`${uri} is not read: it names no file of this machine. Write file:///path, or give the path to -f.`);
  }
  return { files, notes };
}

/** `file:` URIs as Java writes them: `file:///a`, `file:/a`, and `file:a` for a path from here. Undefined for what is no path. */
function fileOf(uri: string): string | undefined {
  const path = uri.slice('file:'.length);
  try {
    const file = path.startsWith('/') ? fileURLToPath(uri) : decodeURIComponent(path);
    return file === '' || file.includes('\0') ? undefined : file;
  } catch {
    return undefined;
  }
}
