/**
 * `node echo.js avro|thrift PORT`: answers OK to whatever a Flume client sends and looks at nothing but where requests end. It is what a hop in
 * Node costs without the hop: the sockets, the borders of the requests, the answers.
 */
import { createServer } from 'node:net';
import { argv } from 'node:process';

/** Where a request that begins at `from` ends; beyond the end of the bytes, or `undefined`, when it is not whole. */
type EndOf = (bytes: Buffer, from: number) => number | undefined;
type AnswerTo = (bytes: Buffer, from: number, first: boolean) => Buffer;

/** Serial, one buffer of three bytes: no metadata, no error, OK. The first of a connection has the handshake before: it matched. */
const avroAnswers = {
  first: Buffer.from('00000000000000010000000700000000000000', 'hex'),
  later: Buffer.from('000000000000000100000003000000', 'hex'),
};

const avro: [EndOf, AnswerTo] = [
  (bytes, from) => {
    if (bytes.length < from + 8) return undefined;
    let end = from + 8;
    for (let buffers = bytes.readUInt32BE(from + 4); buffers > 0; buffers -= 1) {
      if (bytes.length < end + 4) return undefined;
      end += 4 + bytes.readUInt32BE(end);
    }
    return end;
  },
  (bytes, from, first) => {
    const answer = Buffer.from(first ? avroAnswers.first : avroAnswers.later);
    bytes.copy(answer, 0, from, from + 4);
    return answer;
  },
];

/** Of a request come first: length, protocol, version and kind. */
const THRIFT_HEAD_BYTES = 6;

const thrift: [EndOf, AnswerTo] = [
  (bytes, from) => (bytes.length < from + 4 ? undefined : from + 4 + bytes.readUInt32BE(from)),
  (bytes, from) => {
    const id = from + THRIFT_HEAD_BYTES;
    let name = id;
    while (bytes[name++]! >= 0x80);
    // The sequence id and the name, which an answer repeats.
    const repeated = bytes.subarray(id, name + 1 + bytes[name]!);
    const answer = Buffer.allocUnsafe(THRIFT_HEAD_BYTES + repeated.length + 4);
    answer.writeUInt32BE(answer.length - 4);
    answer.writeUInt16BE(0x8241, 4);
    repeated.copy(answer, THRIFT_HEAD_BYTES);
    answer.writeUInt32BE(0x05000000, answer.length - 4);
    return answer;
  },
];

const [endOf, answerTo] = argv[2] === 'thrift' ? thrift : avro;
createServer({ noDelay: true }, (socket) => {
  let unfinished: Buffer | undefined;
  let first = true;
  socket.on('data', (piece: Buffer) => {
    const bytes = unfinished === undefined ? piece : Buffer.concat([unfinished, piece]);
    let from = 0;
    for (;;) {
      const end = endOf(bytes, from);
      if (end === undefined || end > bytes.length) break;
      socket.write(answerTo(bytes, from, first));
      first = false;
      from = end;
    }
    unfinished = from < bytes.length ? bytes.subarray(from) : undefined;
  });
  socket.on('error', () => socket.destroy());
}).listen(Number(argv[3]), '127.0.0.1');
