/** Marks a file as a queue of Millrace: `MRQ` and the version of what is in it. */
export const APPLICATION_ID = 0x4d_52_51_00;
export const SCHEMA_VERSION = 1;

/** The number in two hexadecimal digits of a text. */
const byteAt = (hex: string, index: number) => {
  const digit = (at: number) => `instr('123456789ABCDEF', substr(${hex}, ${at}, 1))`;
  return `(16 * ${digit(2 * index + 1)} + ${digit(2 * index + 2)})`;
};

/** Four bytes, the lowest first. */
const uint32At = (hex: string, from: number) =>
  `(${[0, 1, 2, 3].map((index) => `(${byteAt(hex, from + index)} << ${8 * index})`).join(' | ')})`;

/** Avro's lengths: seven bits in each byte, the lowest first, and twice the number. At most four bytes: lengths here are below 128 MiB. */
const VARINT_BYTES = [0, 1, 2, 3];
const varint = (hex: string) => {
  const upTo = (last: number) =>
    VARINT_BYTES.slice(0, last + 1)
      .map((index) => `((${byteAt(hex, index)} & 127) << ${7 * index})`)
      .join(' | ');
  const cases = VARINT_BYTES.map((last) => `WHEN ${byteAt(hex, last)} < 128 THEN (${upTo(last)}) / 2`);
  return `CASE ${cases.join(' ')} END`;
};
const varintWidth = (hex: string) =>
  `CASE ${VARINT_BYTES.map((last) => `WHEN ${byteAt(hex, last)} < 128 THEN ${last + 1}`).join(' ')} END`;

/** The headers of `event` as JSON: a map of Avro, in which names and values follow each other. `hex` are the bytes where the next one begins. */
const next = `next + ${varintWidth('hex')}`;
const headers = `(
  WITH RECURSIVE strings(number, count, string, next, hex) AS (
    SELECT 0, 2 * ${varint('hex(substr(event, 1, 4))')}, NULL, 1 + width, hex(substr(event, 1 + width, 4))
    FROM (SELECT ${varintWidth('hex(substr(event, 1, 4))')} AS width)
    UNION ALL
    SELECT number + 1, count, substr(event, ${next}, ${varint('hex')}), ${next} + ${varint('hex')},
      hex(substr(event, ${next} + ${varint('hex')}, 4))
    FROM strings WHERE number < count
  )
  SELECT json_group_object(CAST(name.string AS TEXT), CAST(value.string AS TEXT))
  FROM strings AS name JOIN strings AS value ON value.number = name.number + 1
  WHERE name.number % 2 = 1
)`;

/**
 * The tables, and a view that shows every event that waits or is being delivered. The view needs no function of this program, so that it works in
 * any SQLite shell: it reads the blocks with what SQL has. `LIMIT -1` keeps SQLite from working out an inner column anew for each use.
 */
export const SCHEMA = `
CREATE TABLE batches (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  time INTEGER NOT NULL,
  events INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  block BLOB NOT NULL
) STRICT;
CREATE INDEX batches_of_channel ON batches (channel, id);

CREATE TABLE taken (
  batch INTEGER NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
  first INTEGER NOT NULL,
  after INTEGER NOT NULL,
  PRIMARY KEY (batch, first)
) STRICT, WITHOUT ROWID;

CREATE VIEW events AS
SELECT channel, batch, number, strftime('%Y-%m-%d %H:%M:%f', time / 1000.0, 'unixepoch') AS time, ${headers} AS headers,
  CAST(substr(event, head + 1) AS TEXT) AS body
FROM (
  SELECT channel, batch, number, time, body - start AS head, substr(block, start + 1, after - start) AS event
  FROM (
    SELECT *, ${uint32At('hex', 8)} AS start, ${uint32At('hex', 12)} AS body,
      CASE WHEN number + 1 = events THEN bytes ELSE ${uint32At('hex', 0)} END AS after
    FROM (
      SELECT batches.*, batches.id AS batch, numbers.key AS number,
        hex(substr(block, length(block) - 8 * (numbers.key + 2) + 1, 16)) AS hex
      FROM batches, json_each('[' || substr(replace(hex(zeroblob(events)), '00', ',0'), 2) || ']') AS numbers
      WHERE NOT EXISTS (SELECT 1 FROM taken WHERE batch = batches.id AND numbers.key >= first AND numbers.key < after)
      LIMIT -1
    )
    LIMIT -1
  )
  LIMIT -1
);

PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`;
