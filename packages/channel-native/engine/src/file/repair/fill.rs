//! Acknowledgements in the place of what cannot be read: from then on it reads as records do, and says which events are gone.

use std::{
    io::{self, IoSlice},
    ops::Range,
};

use super::super::{
    Position, StorageFile,
    inspect::Hole,
    layout::{Kind, RECORD_HEADER_LEN, RecordHeader, checksum, encode_ack},
};

/// The longest record that is written.
const RECORD_MAX: u32 = 1 << 20;
const HEADER: u32 = RECORD_HEADER_LEN as u32;
/// Of a record that names a range of ordinals.
const RECORD_MIN: u32 = HEADER + 16;

/// Whether a hole is large enough to be filled; every one is in which a record stood.
pub(super) const fn can_fill(hole: &Hole) -> bool {
    hole.to - hole.from >= RECORD_MIN
}

/// Fills a hole.
pub(super) fn fill<F: StorageFile>(file: &F, log_id: u64, hole: &Hole) -> io::Result<()> {
    for place in places(hole.from..hole.to) {
        let (header, payload) = record(hole, &place);
        let at = Position { segment: hole.number, offset: place.start };
        file.write_at(place.start.into(), &mut [IoSlice::new(&header.encode(log_id, at)), IoSlice::new(&payload)])?;
    }
    file.sync()
}

/// Where records stand that fill these bytes.
fn places(bytes: Range<u32>) -> impl Iterator<Item = Range<u32>> {
    let mut at = bytes.start;
    std::iter::from_fn(move || {
        let left = bytes.end - at;
        let len = match left {
            0 => return None,
            left if left <= RECORD_MAX => left,
            // The rest must be one too.
            left => RECORD_MAX.min(left - RECORD_MIN),
        };
        at += len;
        Some(at - len..at)
    })
}

/// All of them acknowledge the same: what was there, and the rest of the payload is zeros, which acknowledge nothing.
fn record(hole: &Hole, place: &Range<u32>) -> (RecordHeader, Vec<u8>) {
    let mut payload = encode_ack([hole.missing.clone()]);
    payload.resize((place.end - place.start - HEADER) as usize, 0);
    let header = RecordHeader {
        kind: Kind::Ack,
        last: false,
        payload_len: payload.len() as u32,
        payload_crc: checksum(&payload),
        sequence: hole.sequence,
        ordinal: hole.missing.end,
        events: 0,
        base: 0,
        time_ms: 0,
        durable: Position::default(),
        bytes: 0,
    };
    (header, payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_belongs_to_one_record_that_is_long_enough() {
        for len in [RECORD_MIN, RECORD_MIN + 8, 4096, RECORD_MAX, RECORD_MAX + 8, 3 * RECORD_MAX - 8] {
            let places: Vec<_> = places(8192..8192 + len).collect();
            assert!(places.iter().all(|place| place.len() as u32 >= RECORD_MIN), "{places:?}");
            assert!(places.windows(2).all(|pair| pair[0].end == pair[1].start), "{places:?}");
            assert_eq!((places[0].start, places[places.len() - 1].end), (8192, 8192 + len));
        }
    }
}
