import type { AnswerParts, AvroHandshake, WireRequest } from '@millrace/channel-native';
import { PROTOCOL, PROTOCOL_HASH } from '../avro-protocol.ts';
import type { Answers } from './answers.ts';
import { int32, varint } from './bytes.ts';
import { incompatibility } from './compatible.ts';

const MATCH = { BOTH: 0, CLIENT: 2, NONE: 4 } as const;
/** Hashes of other protocols that are remembered, for as long as the process lives. */
const LEARNED_MAX = 1_000;
const METADATA = Buffer.of(0);
const OK = Buffer.of(0, 0);
const FAILED = Buffer.of(0, 2);
const PLAIN_OK = message(0, [METADATA, OK]);
const PLAIN_FAILED = message(0, [METADATA, FAILED]);
/** What all answers that say OK, and do not greet, are made of. */
export const avroOkParts: AnswerParts = [Buffer.alloc(0), PLAIN_OK.subarray(4)];

const known = new Set([PROTOCOL_HASH.toString('hex')]);

/** Answers in Avro, to one connection. */
export class AvroAnswers implements Answers {
  readonly #matched: () => void;
  /** The answer to the handshake that matched; requests behind it have none. */
  #greeting: Buffer = METADATA;
  #isMatched = false;
  /** Why no event of this client can be read. */
  #problem: string | undefined;

  /** `matched` is called when no further request of the connection begins with a handshake. */
  constructor(matched: () => void) {
    this.#matched = matched;
  }

  get plain(): boolean {
    return this.#isMatched && this.#problem === undefined;
  }

  atOnce(request: WireRequest): Buffer | undefined {
    const { handshake, serial, call, name } = request;
    if (handshake !== undefined && !this.#meets(handshake)) return message(serial, [greeting(MATCH.NONE)]);
    if (call === 'ping') return message(serial, this.#greetingOf(request));
    if (this.#problem !== undefined) return this.error(request, this.#problem);
    if (call !== 'other') return undefined;
    return this.error(request, `org.apache.avro.AvroRuntimeException: No such remote message: ${name}`);
  }

  ok(request: WireRequest): Buffer {
    return request.handshake === undefined ? withSerial(PLAIN_OK, request.serial) : this.#message(request, OK);
  }

  failed(request: WireRequest): Buffer {
    return request.handshake === undefined ? withSerial(PLAIN_FAILED, request.serial) : this.#message(request, FAILED);
  }

  error(request: WireRequest, text: string): Buffer {
    return this.#message(request, Buffer.concat([Buffer.of(1, 0), sized(text)]));
  }

  #message(request: WireRequest, payload: Buffer): Buffer {
    return message(request.serial, [...this.#greetingOf(request), METADATA, payload]);
  }

  #greetingOf({ handshake }: WireRequest): Buffer[] {
    return handshake === undefined ? [] : [this.#greeting];
  }

  /** Whether client and server know each other’s protocol now. */
  #meets({ clientHash, clientProtocol, serverHash }: AvroHandshake): boolean {
    const hash = clientHash.toString('hex');
    if (!known.has(hash)) {
      if (clientProtocol === undefined) return false;
      const problem = incompatibility(clientProtocol);
      if (problem === undefined) learn(hash);
      else this.#problem = `The client’s protocol does not fit Flume’s: ${problem}.`;
    }
    this.#greeting = greeting(serverHash.equals(PROTOCOL_HASH) ? MATCH.BOTH : MATCH.CLIENT);
    this.#matched();
    this.#isMatched = true;
    return true;
  }
}

function learn(hash: string): void {
  if (known.size < LEARNED_MAX) known.add(hash);
}

/** The answer to a handshake. Who does not know our protocol is told it. */
function greeting(match: number): Buffer {
  if (match === MATCH.BOTH) return Buffer.of(match, 0, 0, 0);
  return Buffer.concat([Buffer.of(match, 2), sized(PROTOCOL), Buffer.of(2), PROTOCOL_HASH, Buffer.of(0)]);
}

/** Frames buffers as one message: serial, number of buffers, and each with its length before it. */
function message(serial: number, buffers: readonly Buffer[]): Buffer {
  return Buffer.concat([
    int32(serial),
    int32(buffers.length),
    ...buffers.flatMap((buffer) => [int32(buffer.length), buffer]),
  ]);
}

function withSerial(prebuilt: Buffer, serial: number): Buffer {
  const answer = Buffer.allocUnsafe(prebuilt.length);
  prebuilt.copy(answer);
  answer.writeUInt32BE(serial);
  return answer;
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  // Avro's numbers have a sign, as the lowest bit.
  return Buffer.concat([varint(bytes.length * 2), bytes]);
}
