import { networkInterfaces } from 'node:os';
import { plainAddress } from '@millrace/rpc/net';
import { PeerNames } from '../shared/peers.ts';

interface Rule {
  readonly allow: boolean;
  fits(address: string, names: PeerNames): boolean | Promise<boolean>;
}

/**
 * Makes a filter of rules like `allow:ip:10.*`: tells by its address whether a client may connect. The first rule that fits decides, and without one
 * it may. A name is looked up when a rule asks for it.
 */
export function createIpFilter(rules: readonly string[]): (address: string) => Promise<boolean> {
  const parsed = rules.map(parse);
  const names = new PeerNames();
  return async (peer) => {
    const address = plainAddress(peer);
    for (const { allow, fits } of parsed) if (await fits(address, names)) return allow;
    return true;
  };
}

function parse(rule: string): Rule {
  const [, action, subject, pattern] = /^(\w+):(\w+):(.+)$/.exec(rule) as unknown as [string, string, string, string];
  const allow = action.toLowerCase() === 'allow';
  const matches = matcher(pattern);
  if (subject.toLowerCase() === 'ip') return { allow, fits: (address) => matches(address) || matches(inFull(address)) };
  const local = pattern === 'localhost';
  return {
    allow,
    // As in Java, the name of an address without one is the address.
    fits: async (address, names) => (local && isLocal(address)) || matches((await names.of(address)) || address),
  };
}

/** Compares a whole text with a pattern, in which `*` stands for any text and `?` for one character. */
function matcher(pattern: string): (text: string) => boolean {
  const escaped = pattern.replace(/[\\^$.+()[\]{}|]/g, '\\$&');
  const expression = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  return (text) => expression.test(text);
}

/** An IPv6 address as Java writes it: with all its zeros. */
function inFull(address: string): string {
  const [before, after] = address.split('::').map((part) => part.split(':').filter(Boolean));
  if (before === undefined || after === undefined) return address;
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].join(':');
}

function isLocal(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return address.startsWith('127.') || own.some((entry) => entry.address === address);
}
