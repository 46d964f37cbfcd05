//! What records carry.

use std::{borrow::Cow, ops::Range};

use crc_fast::{CrcAlgorithm, Digest};

use super::{RECORD_ALIGN, RecordHeader};
use crate::batch::Entry;

const ENTRY: u64 = size_of::<Entry>() as u64;
const RANGE: usize = 16;

/// Bytes of a put's payload, which has to stay below 4 GiB.
#[must_use]
pub const fn put_len(bytes: u32, events: u32) -> u64 {
    (bytes as u64).next_multiple_of(RECORD_ALIGN as u64) + events as u64 * ENTRY
}

/// The checksum of a put's payload, computed where its parts lie.
#[must_use]
pub fn put_checksum(events: &[u8], table: &[Entry]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    digest.update(events);
    digest.update(&[0; RECORD_ALIGN as usize][..events.len().next_multiple_of(RECORD_ALIGN as usize) - events.len()]);
    digest.update(bytemuck::cast_slice(table));
    digest.finalize() as u32
}

/// The encoded events and their table, the last event's entry first: what [`crate::batch::Run::new`] joins and checks. None when the payload
/// is not of the length its header says.
#[must_use]
pub fn put_parts<'a>(header: &RecordHeader, payload: &'a [u8]) -> Option<(&'a [u8], Cow<'a, [Entry]>)> {
    if payload.len() as u64 != put_len(header.bytes, header.events) {
        return None;
    }
    let (events, table) = payload.split_at_checked(payload.len() - header.events as usize * ENTRY as usize)?;
    let table = bytemuck::try_cast_slice(table)
        .map_or_else(|_| table.chunks_exact(ENTRY as usize).map(bytemuck::pod_read_unaligned).collect(), Cow::Borrowed);
    Some((&events[..header.bytes as usize], table))
}

/// The payload of an acknowledgement of these ordinals.
#[must_use]
pub fn encode_ack(ranges: impl IntoIterator<Item = Range<u64>>) -> Vec<u8> {
    ranges.into_iter().flat_map(|range| [range.start, range.end]).flat_map(u64::to_le_bytes).collect()
}

/// The ordinals that an acknowledgement's payload has.
pub fn ack_ranges(payload: &[u8]) -> impl Iterator<Item = Range<u64>> + '_ {
    payload.chunks_exact(RANGE).map(|pair| {
        let [start, end]: [u64; 2] = bytemuck::pod_read_unaligned(pair);
        start..end
    })
}

#[cfg(test)]
mod tests {
    use super::{super::*, *};

    #[test]
    fn the_parts_of_a_put_are_found_in_its_payload_wherever_it_lies() {
        let table = [Entry { start: 5, body: 7 }, Entry { start: 0, body: 2 }];
        let payload = [b"\x00\x06one\x00\x06two\0\0\0\0\0\0", bytemuck::cast_slice(&table)].concat();
        let header = RecordHeader {
            kind: Kind::Put,
            last: false,
            payload_len: payload.len() as u32,
            payload_crc: 0,
            sequence: 0,
            ordinal: 0,
            events: 2,
            base: 0,
            time_ms: 0,
            durable: Position::default(),
            bytes: 10,
        };
        assert_eq!(payload.len() as u64, put_len(10, 2));
        assert_eq!(checksum(&payload), put_checksum(&payload[..10], &table));
        for shift in 0..8 {
            let moved = [&vec![0; shift], payload.as_slice()].concat();
            let (events, entries) = put_parts(&header, &moved[shift..]).unwrap();
            assert_eq!((events, &*entries), (b"\x00\x06one\x00\x06two".as_slice(), table.as_slice()));
        }
        assert_eq!(put_parts(&header, &payload[8..]), None);
        assert_eq!(put_parts(&RecordHeader { events: u32::MAX, ..header }, &payload), None);
    }

    #[test]
    fn acknowledged_ordinals_read_back() {
        let ranges = [3..5, 9..10, 0..u64::MAX];
        assert!(ack_ranges(&encode_ack(ranges.clone())).eq(ranges));
        assert_eq!(ack_ranges(&[1; 15]).count(), 0);
    }
}
