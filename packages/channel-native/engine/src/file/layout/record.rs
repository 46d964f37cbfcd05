//! The header of a record.

use bytemuck::{Pod, Zeroable};

use super::{NUMBERS_END, PAGE, Position, RECORD_ALIGN, checksum, put_len};

/// Bytes of a record's header; its payload follows.
pub const RECORD_HEADER_LEN: usize = 64;

const SIZE: usize = RECORD_HEADER_LEN;
const LAST: u8 = 1;

const _: () = assert!(size_of::<Raw>() == SIZE && size_of::<Seal>() == 24 + SIZE - 4);

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Events that were put.
    Put,
    /// Ordinals of events whose takes were committed.
    Ack,
}

/// What stands in front of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// What it is.
    pub kind: Kind,
    /// Whether it is the last of its group.
    pub last: bool,
    /// Bytes of the payload.
    pub payload_len: u32,
    /// The payload's checksum.
    pub payload_crc: u32,
    /// Grows by one with each put of the channel; of an acknowledgement: that of the next put.
    pub sequence: u64,
    /// The number of the first event in this directory; of an acknowledgement: of the next event.
    pub ordinal: u64,
    /// How many events.
    pub events: u32,
    /// What the table calls the offset of the first event.
    pub base: u32,
    /// When it was put, milliseconds since 1970.
    pub time_ms: u64,
    /// Up to here everything was known to be durable when the record's group was written.
    pub durable: Position,
    /// Bytes of the events, without zeros and table.
    pub bytes: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Raw {
    checksum: u32,
    body: Body,
}

#[repr(C, packed(4))]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Body {
    kind: u8,
    flags: u8,
    zero: u16,
    payload_len: u32,
    payload_crc: u32,
    sequence: u64,
    ordinal: u64,
    events: u32,
    base: u32,
    time_ms: u64,
    durable_segment: u64,
    durable_offset: u32,
    bytes: u32,
}

/// What a header's checksum covers: a record that is found elsewhere than where it was written does not verify.
#[repr(C, packed(4))]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Seal {
    log_id: u64,
    segment: u64,
    offset: u64,
    body: Body,
}

impl Seal {
    fn checksum(log_id: u64, at: Position, body: Body) -> u32 {
        checksum(bytemuck::bytes_of(&Self { log_id, segment: at.segment, offset: at.offset.into(), body }))
    }
}

impl RecordHeader {
    /// The header's bytes, for this place only.
    #[must_use]
    pub fn encode(&self, log_id: u64, at: Position) -> [u8; SIZE] {
        let body = Body {
            kind: match self.kind {
                Kind::Put => 1,
                Kind::Ack => 2,
            },
            flags: if self.last { LAST } else { 0 },
            zero: 0,
            payload_len: self.payload_len,
            payload_crc: self.payload_crc,
            sequence: self.sequence,
            ordinal: self.ordinal,
            events: self.events,
            base: self.base,
            time_ms: self.time_ms,
            durable_segment: self.durable.segment,
            durable_offset: self.durable.offset,
            bytes: self.bytes,
        };
        bytemuck::cast(Raw { checksum: Seal::checksum(log_id, at, body), body })
    }

    /// The header that stands at this place, if one does.
    #[must_use]
    pub fn decode(bytes: &[u8], log_id: u64, at: Position) -> Option<Self> {
        let bytes = bytes.first_chunk::<SIZE>().filter(|bytes| Self::may_begin_with(*bytes))?;
        let Raw { checksum, body } = bytemuck::cast(*bytes);
        let kind = if body.kind == 1 { Kind::Put } else { Kind::Ack };
        let header = Self {
            kind,
            last: body.flags & LAST != 0,
            payload_len: body.payload_len,
            payload_crc: body.payload_crc,
            sequence: body.sequence,
            ordinal: body.ordinal,
            events: body.events,
            base: body.base,
            time_ms: body.time_ms,
            durable: Position { segment: body.durable_segment, offset: body.durable_offset },
            bytes: body.bytes,
        };
        (header.is_coherent() && checksum == Seal::checksum(log_id, at, body)).then_some(header)
    }

    /// Whether a header can begin so: 8 bytes are enough to pass over most of what is none.
    #[must_use]
    pub fn may_begin_with(bytes: &[u8]) -> bool {
        matches!(bytes, [_, _, _, _, 1 | 2, 0 | LAST, 0, 0, ..])
    }

    /// The ordinal behind the last of its events.
    #[must_use]
    pub const fn next_ordinal(&self) -> u64 {
        match self.kind {
            Kind::Put => self.ordinal.saturating_add(self.events as u64),
            Kind::Ack => self.ordinal,
        }
    }

    /// The sequence of the next put.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        match self.kind {
            Kind::Put => self.sequence.saturating_add(1),
            Kind::Ack => self.sequence,
        }
    }

    /// Where its payload ends when it stands at `offset`.
    #[must_use]
    pub const fn end(&self, offset: u32) -> u64 {
        offset as u64 + RECORD_HEADER_LEN as u64 + self.payload_len as u64
    }

    /// Where the next record stands when this one does at `offset`.
    #[must_use]
    pub const fn next(&self, offset: u32) -> u64 {
        let align = if self.last { PAGE } else { RECORD_ALIGN };
        self.end(offset).next_multiple_of(align as u64)
    }

    /// Whether its numbers can be true together; that spares a checksum of what is no header at all.
    fn is_coherent(&self) -> bool {
        let possible = self.sequence.max(self.ordinal).max(self.durable.segment) < NUMBERS_END;
        possible
            && match self.kind {
                Kind::Put => self.events > 0 && u64::from(self.payload_len) == put_len(self.bytes, self.events),
                Kind::Ack => self.payload_len.is_multiple_of(RECORD_ALIGN),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Position = Position { segment: 3, offset: 8192 };

    fn put() -> RecordHeader {
        RecordHeader {
            kind: Kind::Put,
            last: true,
            payload_len: 32,
            payload_crc: 0xfeed,
            sequence: 5,
            ordinal: 70,
            events: 2,
            base: 4096,
            time_ms: 1_700_000_000_000,
            durable: Position { segment: 2, offset: 1 << 20 },
            bytes: 9,
        }
    }

    fn ack() -> RecordHeader {
        RecordHeader { kind: Kind::Ack, last: false, events: 0, bytes: 0, ..put() }
    }

    #[test]
    fn a_header_reads_back_where_it_was_written_and_nowhere_else() {
        for header in [put(), ack()] {
            let bytes = header.encode(1, AT);
            assert_eq!(RecordHeader::decode(&bytes, 1, AT), Some(header));
            assert_eq!(RecordHeader::decode(&bytes, 2, AT), None);
            assert_eq!(RecordHeader::decode(&bytes, 1, Position { segment: 4, ..AT }), None);
            assert_eq!(RecordHeader::decode(&bytes, 1, Position { offset: 8200, ..AT }), None);
            assert_eq!(RecordHeader::decode(&bytes[..63], 1, AT), None);
        }
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let bytes = put().encode(1, AT);
        for bit in 0..SIZE * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&changed, 1, AT), None, "bit {bit}");
        }
        assert_eq!(RecordHeader::decode(&[0; SIZE], 1, AT), None);
    }

    #[test]
    fn a_header_that_contradicts_itself_is_none_though_it_verifies() {
        let lies = [
            RecordHeader { events: 0, payload_len: 16, ..put() },
            RecordHeader { events: u32::MAX, ..put() },
            RecordHeader { bytes: 17, ..put() },
            RecordHeader { payload_len: 20, ..ack() },
        ];
        for lie in lies {
            assert_eq!(RecordHeader::decode(&lie.encode(1, AT), 1, AT), None, "{lie:?}");
        }
    }

    #[test]
    fn the_next_record_is_aligned_and_a_new_group_has_pages_of_its_own() {
        assert_eq!(put().next(8192), 12288);
        assert_eq!(RecordHeader { last: false, payload_len: 17, ..put() }.next(8192), 8192 + 64 + 24);
        assert_eq!(RecordHeader { last: true, payload_len: u32::MAX, ..put() }.next(u32::MAX - 7), (2 << 32) + 4096);
    }
}
