import { dirname, resolve } from 'node:path';
import type { Resource, Spec } from '../spec.ts';
import type { Place, Report } from './diagnostic.ts';
import type { Listed } from './listing.ts';
import { monitoringKeys, monitoringSettings } from './monitoring.ts';
import { placeInValue } from './properties.ts';

/** A part of the host, and the component that needs it. */
export interface Claim {
  readonly resource: Resource;
  /** Such as `a1.sources.r1`. */
  readonly id: string;
  /** The key that says so. */
  readonly key: string;
  /** Where it says so; undefined for what no file says. */
  readonly place?: Place;
}

/** Two claims to the same part of the host. */
export interface Clash {
  readonly first: Claim;
  readonly second: Claim;
  /** What is the same: `TCP port 4141`. */
  readonly what: string;
  /** `both`: one of the two cannot work. `mixed`: both work, and what they write is hard to tell apart. */
  readonly how: 'both' | 'mixed';
}

interface Claimant {
  readonly id: string;
  readonly registration: { readonly spec: Spec };
  readonly config: Readonly<Record<string, unknown>>;
}

/** What a component needs of the host; `listed` is what the file says of it, `realPath` follows links. */
export function claimsOf(
  { id, registration, config }: Claimant,
  listed?: Listed,
  realPath: (path: string) => string = resolve,
): readonly Claim[] {
  return (registration.spec.uses?.(config) ?? []).map((used) => {
    const resource = used.what === 'directory' ? { ...used, path: realPath(used.path) } : used;
    const entry = listed?.settings.get(used.property);
    const key = entry?.key ?? `${id}.${used.property}`;
    if (listed === undefined) return { resource, id, key };
    const part = used.what === 'directory' ? used.path : String(used.port);
    const place = entry === undefined ? listed.place : placeInValue(entry, indexOfPart(entry.value, part));
    return { resource, id, key, place };
  });
}

/** Where one part of a list with blanks or commas begins. */
function indexOfPart(list: string, part: string): number {
  return [...list.matchAll(/[^\s,]+/g)].find(([found]) => found === part)?.index ?? 0;
}

/** The claim for the port of the metrics, where they are to be had over HTTP. */
export function monitoringClaim(system: ReadonlyMap<string, string>): readonly Claim[] {
  const key = monitoringKeys.port;
  const { type, port: written } = monitoringSettings(system);
  const port = Number(written);
  if (type?.toLowerCase() !== 'http' || !Number.isInteger(port)) return [];
  const resource = { what: 'port', protocol: 'tcp', host: undefined, port, property: key } as const;
  return [{ resource, id: 'the server of the metrics', key: `-D${key}` }];
}

/** Each claim that meets an earlier one of another component, with the first of those. */
export function clashesOf(claims: readonly Claim[]): readonly Clash[] {
  const earlier = Map.groupBy(claims, ({ resource }) => placesOf(resource)[0]);
  const order = new Map(claims.map((claim, at) => [claim, at]));
  const clashes = new Map<Claim, Clash>();
  for (const claim of claims) {
    for (const other of placesOf(claim.resource).flatMap((place) => earlier.get(place) ?? [])) {
      const [first, second] = order.get(other)! < order.get(claim)! ? [other, claim] : [claim, other];
      const clash = first.id === second.id ? undefined : clashOf(first, second);
      const known = clashes.get(second);
      if (clash !== undefined && (known === undefined || order.get(first)! < order.get(known.first)!)) {
        clashes.set(second, clash);
      }
    }
  }
  return [...clashes.values()].sort((a, b) => order.get(a.second)! - order.get(b.second)!);
}

/** Where others can be met: at a port, in a directory, or in one of those around it. */
function placesOf(resource: Resource): readonly string[] {
  if (resource.what === 'port') return [`${resource.protocol} ${resource.port}`];
  const around: string[] = [];
  for (let path = resource.path; around.at(-1) !== path; path = dirname(path)) around.push(path);
  return around;
}

function clashOf(first: Claim, second: Claim): Clash | undefined {
  const [a, b] = [first.resource, second.resource];
  if (a.what === 'port' && b.what === 'port') {
    const same = a.port !== 0 && meet(addressOf(a.host), addressOf(b.host));
    return same ? { first, second, what: `${a.protocol.toUpperCase()} port ${a.port}`, how: 'both' } : undefined;
  }
  if (a.what !== 'directory' || b.what !== 'directory') return undefined;
  const what = `directory ${b.path}`;
  if (a.path === b.path) {
    if (a.files === undefined && b.files === undefined) return { first, second, what, how: 'both' };
    const told = a.files !== undefined && b.files !== undefined && a.files !== b.files;
    return told ? undefined : { first, second, what, how: 'mixed' };
  }
  // What grows beside somebody else's files is no matter; inside a directory that is somebody's own it is.
  const outer = a.path.length < b.path.length ? a : b;
  return outer.files === undefined ? { first, second, what, how: 'mixed' } : undefined;
}

const ANY = '::';

/** An address in one form; a name is looked up as the sources do it, IPv4 first, as far as that can be known here. */
function addressOf(host = ANY): string {
  const name = host.toLowerCase();
  return name === 'localhost' ? '127.0.0.1' : name;
}

/** Whether a socket at one address keeps another from the same port. `::` takes IPv4 too, `0.0.0.0` takes IPv4 alone. */
function meet(a: string, b: string): boolean {
  if (a === b || a === ANY || b === ANY) return true;
  return (a === '0.0.0.0' && !b.includes(':')) || (b === '0.0.0.0' && !a.includes(':'));
}

/** Reports the clashes among what the components of one agent need. */
export function reportClashes(claims: readonly Claim[], report: Report): void {
  const written = claims.filter(({ place }) => place !== undefined).sort(byPlace);
  const unwritten = claims.filter(({ place }) => place === undefined);
  for (const clash of clashesOf([...unwritten, ...written])) {
    const { second, how } = clash;
    if (second.place === undefined) continue;
    report({
      severity: how === 'both' ? 'error' : 'warning',
      code: second.resource.what === 'port' ? 'port-used-twice' : 'directory-used-twice',
      place: second.place,
      subject: second.key,
      ...(second.resource.what === 'port' ? portWords(clash) : directoryWords(clash)),
    });
  }
}

function byPlace({ place: a }: Claim, { place: b }: Claim): number {
  return a!.file === b!.file ? a!.line - b!.line || a!.column - b!.column : 0;
}

/** Who makes a claim, and where, as seen from another place. */
function whose({ id, place }: Claim, from: Claim): string {
  if (place === undefined) return id;
  return `${id} (${place.file === from.place!.file ? 'line ' : `${place.file}:`}${place.line})`;
}

function portWords({ first, second, what }: Clash) {
  return {
    message: `${what} is also that of ${whose(first, second)}. Only one of the two can listen; the other is tried again every 3 s, in vain.`,
    suggestion: `give ${second.id} another port${first.place === undefined ? `, or set ${first.key} to another` : ', or each an address of its own'}`,
  };
}

function directoryWords({ first, second, what, how }: Clash) {
  const suggestion = `give ${second.id} a directory of its own`;
  const owner = whose(first, second);
  if (how === 'both') {
    return { message: `The ${what} is also that of ${owner}. Only one of the two can open it.`, suggestion };
  }
  if (pathOf(first) !== pathOf(second)) {
    const lies = pathOf(second).startsWith(pathOf(first)) ? 'lies in' : 'contains';
    const message = `The ${what} ${lies} one of ${owner}. Both work, but whoever clears up the outer one takes the inner one along.`;
    return { message, suggestion };
  }
  const message = `The ${what} is also that of ${owner}. Both work, but nobody can tell whose a file is.`;
  return { message, suggestion };
}

const pathOf = ({ resource }: Claim) => (resource.what === 'directory' ? resource.path : '');
