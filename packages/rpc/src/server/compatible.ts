import { PROTOCOL } from '../avro-protocol.ts';

type Json = string | number | boolean | null | readonly Json[] | JsonObject | undefined;
type JsonObject = { readonly [key: string]: Json };

const METHODS = ['append', 'appendBatch'];
const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);
/** Names may be used again and again: what a short protocol says can be very long. */
const CHARS_MAX = 64 << 10;
const CHARS_SHOWN = 200;

/**
 * Why events of a client with this protocol could not be read; undefined when they can. Protocols are compared in what they mean for the
 * bytes of a request: the messages that both have, and the types of their parameters. Namespaces, documentation, the order in which things
 * are declared, and further messages make no difference.
 */
export function incompatibility(clientProtocol: string): string | undefined {
  let theirs: ReadonlyMap<string, string>;
  try {
    theirs = requestsOf(clientProtocol);
  } catch {
    return 'the protocol that the client has sent cannot be understood';
  }
  for (const [method, wanted] of OURS) {
    const found = theirs.get(method);
    if (found === undefined || found === wanted) continue;
    return `the client’s ${method} takes ${found.slice(0, CHARS_SHOWN)}, not ${wanted}`;
  }
  return theirs.size > 0 ? undefined : `the client’s protocol has neither ${METHODS.join(' nor ')}`;
}

/** What each of the messages takes that we know, without what makes no difference. */
function requestsOf(protocol: string): ReadonlyMap<string, string> {
  const { types = [], messages } = JSON.parse(protocol) as JsonObject;
  const meanings = new Meanings();
  for (const type of types as readonly Json[]) meanings.declare(type as JsonObject);
  const requests = new Map<string, string>();
  for (const method of METHODS) {
    const message = (messages as JsonObject)[method] as JsonObject | undefined;
    if (message === undefined) continue;
    const parameters = message['request'] as readonly JsonObject[];
    requests.set(method, parameters.map(({ type }) => meanings.of(type)).join());
  }
  return requests;
}

/** Says in words which bytes a type stands for. */
class Meanings {
  readonly #named = new Map<string, JsonObject>();
  #charsLeft = CHARS_MAX;

  declare(type: JsonObject): void {
    this.#named.set(unqualified(type['name']), type);
  }

  of(type: Json): string {
    this.#charsLeft -= 1;
    if (this.#charsLeft < 0) throw new RangeError('The types of the protocol are too long.');
    const words = this.#wordsFor(type);
    this.#charsLeft -= words.length;
    return words;
  }

  #wordsFor(type: Json): string {
    if (Array.isArray(type)) return `union(${type.map((branch) => this.of(branch)).join()})`;
    if (typeof type !== 'string') return this.#complex(type as JsonObject);
    // Text and bytes are written in the same way, and Avro lets each be read as the other.
    if (PRIMITIVES.has(type)) return type === 'string' ? 'bytes' : type;
    const named = this.#named.get(unqualified(type));
    if (named === undefined) throw new Error(`The protocol has no type ${type}.`);
    return this.of(named);
  }

  #complex(type: JsonObject): string {
    const { type: kind, fields, symbols, size, items, values } = type;
    if ('name' in type) this.declare(type);
    switch (kind) {
      case 'record':
        return `{${(fields as readonly JsonObject[]).map((field) => `${field['name']}: ${this.of(field['type'])}`).join()}}`;
      case 'enum':
        return `enum(${symbols})`;
      case 'fixed':
        return `fixed(${size})`;
      case 'array':
        return `array(${this.of(items)})`;
      case 'map':
        return `map(${this.of(values)})`;
      default:
        return this.of(kind);
    }
  }
}

const unqualified = (name: Json) => String(name).split('.').at(-1)!;

const OURS = requestsOf(PROTOCOL);
