import type { Declaration } from '@millrace/kernel/spec';

/** Settings as operators write them: names of properties and their text. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

/** Reads settings by a declaration into the configuration a component is opened with. Throws, naming every mistake at once. */
export function configOf(declaration: Declaration, settings: Settings): Readonly<Record<string, unknown>> {
  const config: Record<string, unknown> = {};
  const mistakes: string[] = [];
  const unread = new Set(Object.keys(settings));
  for (const [key, { name, type }] of Object.entries(declaration.properties)) {
    const isPrefix = name.endsWith('.');
    const meant = Object.keys(settings).filter((key) => (isPrefix ? key.startsWith(name) : key === name));
    for (const one of meant) unread.delete(one);
    const texts = meant.map((one) => [one.slice(name.length), String(settings[one])]);
    const value = isPrefix ? Object.fromEntries(texts) : texts[0]?.[1];
    const parsed = type.safeParse(value);
    if (parsed.success) config[key] = parsed.data;
    else mistakes.push(`${name} ${value === undefined ? 'is missing' : parsed.error.issues[0]?.message}`);
  }
  for (const name of unread) mistakes.push(`${name} is not a property`);
  if (mistakes.length > 0)
    throw new Error(`The settings of ${declaration.type} have mistakes: ${mistakes.join(', ')}.`);
  return config;
}
