/** `String.trim` of Java: everything up to U+0020 goes, and nothing else. */
export function javaTrim(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  return text.slice(start, end);
}

/** A name in a list, and where in the list's text it begins. */
export interface ListedName {
  readonly name: string;
  readonly index: number;
}

/** The names of a list that Flume splits at `\s+`; one that is listed twice counts once. */
export function splitNames(list: string): readonly ListedName[] {
  const seen = new Set<string>();
  const names: ListedName[] = [];
  for (const { 0: name, index } of list.matchAll(/[^ \t\n\v\f\r]+/g)) {
    if (!seen.has(name)) names.push({ name, index });
    seen.add(name);
  }
  return names;
}

/** `String.hashCode` of Java. */
export function javaHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0;
  return hash;
}

/** The order in which a Java `HashSet` made of these strings hands them out: Flume's order of channels and sinks. */
export function hashSetOrder(names: readonly string[]): string[] {
  let buckets = 16;
  while (buckets < Math.floor(names.length / 0.75) + 1) buckets *= 2;
  const bucket = (name: string) => {
    const hash = javaHash(name);
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  // Sorting is stable: in one bucket the first inserted comes first, as in Java.
  return [...new Set(names)]
    .map((name) => ({ name, at: bucket(name) }))
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name);
}
