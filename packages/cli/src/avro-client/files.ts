import { readFile } from 'node:fs/promises';
import { type Entry, parseProperties } from '@millrace/kernel/config/properties';
import { renderDiagnostics } from '@millrace/kernel/config/render';

/** Reads a properties file; what is doubtful in it goes to standard error. Rejects when it cannot be read. */
export async function readEntries(file: string): Promise<ReadonlyMap<string, Entry>> {
  const bytes = await readable(file, readFile(file));
  const { entries, diagnostics, readable: whole } = parseProperties(file, bytes);
  const told = renderDiagnostics(diagnostics, new Map([[file, bytes]]));
  if (!whole) throw new Error(told);
  if (told !== '') process.stderr.write(`${told}\n`);
  return entries;
}

/** Says of a failure of the system which path it was about; others pass. */
export async function readable<Value>(path: string, reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new Error(`${path} cannot be read (${code}): correct the path, or let this user read it.`, { cause: error });
  }
}
