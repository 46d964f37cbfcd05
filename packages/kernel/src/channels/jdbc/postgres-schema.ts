/** Tables are made by one agent at a time. */
export const SCHEMA_LOCK = "hashtextextended('millrace jdbc schema', 0)";

/**
 * The tables, and a view that shows every event that waits or is being delivered, in the schema `flume`, as Flume has it. `lengths` reads Avro's
 * lengths: seven bits in each byte, the lowest first, and twice the number.
 */
export const SCHEMA = `
CREATE SCHEMA IF NOT EXISTS flume;

CREATE TABLE IF NOT EXISTS flume.batches (
  channel text NOT NULL,
  id bigint NOT NULL,
  time timestamptz NOT NULL,
  events integer NOT NULL,
  bytes integer NOT NULL,
  block bytea NOT NULL,
  PRIMARY KEY (channel, id)
);
ALTER TABLE flume.batches ALTER COLUMN block SET STORAGE EXTERNAL;

CREATE TABLE IF NOT EXISTS flume.taken (
  channel text NOT NULL,
  batch bigint NOT NULL,
  first integer NOT NULL,
  after integer NOT NULL,
  PRIMARY KEY (channel, batch, first),
  FOREIGN KEY (channel, batch) REFERENCES flume.batches ON DELETE CASCADE
);

CREATE OR REPLACE FUNCTION flume.text_of(bytes bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN convert_from(bytes, 'UTF8');
EXCEPTION WHEN others THEN
  RETURN encode(bytes, 'escape');
END $$;

CREATE OR REPLACE FUNCTION flume.strings_of(map bytea) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  strings text[] := '{}';
  remaining bigint := NULL;
  length bigint;
  shift integer;
  at integer := 0;
  byte integer;
BEGIN
  LOOP
    length := 0;
    shift := 0;
    LOOP
      byte := get_byte(map, at);
      at := at + 1;
      length := length | ((byte & 127)::bigint << shift);
      shift := shift + 7;
      EXIT WHEN byte < 128;
    END LOOP;
    length := length / 2;
    IF remaining IS NULL THEN
      remaining := 2 * length;
    ELSE
      strings := strings || flume.text_of(substr(map, at + 1, length::integer));
      at := at + length::integer;
      remaining := remaining - 1;
    END IF;
    EXIT WHEN remaining = 0;
  END LOOP;
  RETURN strings;
END $$;

CREATE OR REPLACE FUNCTION flume.uint32_at(block bytea, at integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT get_byte(block, at) | (get_byte(block, at + 1) << 8) | (get_byte(block, at + 2) << 16) | (get_byte(block, at + 3) << 24) $$;

CREATE OR REPLACE FUNCTION flume.events_of(block bytea, bytes integer, events integer)
RETURNS TABLE (number integer, headers json, body text) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  after integer;
  start integer := 0;
  head integer;
  entry integer;
BEGIN
  FOR event IN 0 .. events - 1 LOOP
    entry := length(block) - 8 * (event + 1);
    after := CASE WHEN event + 1 = events THEN bytes ELSE flume.uint32_at(block, entry - 8) END;
    head := flume.uint32_at(block, entry + 4);
    number := event;
    headers := json_object(flume.strings_of(substr(block, start + 1, head - start)));
    body := flume.text_of(substr(block, head + 1, after - head));
    RETURN NEXT;
    start := after;
  END LOOP;
END $$;

CREATE OR REPLACE VIEW flume.events AS
SELECT batches.channel, batches.id AS batch, event.number, batches.time, event.headers, event.body
FROM flume.batches, LATERAL flume.events_of(block, bytes, events) AS event
WHERE NOT EXISTS (
  SELECT 1 FROM flume.taken
  WHERE taken.channel = batches.channel AND taken.batch = batches.id
    AND event.number >= taken.first AND event.number < taken.after
);
`;
