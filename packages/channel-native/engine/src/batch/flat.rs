//! Events as TypeScript writes them down for the engine.
//!
//! ```text
//! event:  u32 headers · (u32 length · key · u32 length · value)… · u32 length · body      all u32 little-endian
//! ```

use super::{
    canonical::HeaderMap,
    space::{Size, Space},
    varint::invalid,
};
use crate::{Error, Result};

/// Reads flat events to the end of `input`, and writes them in canonical form: of a key that comes twice the last wins, and
/// invalid UTF-8 becomes U+FFFD.
///
/// Returns how many events and bytes of `input` were read; not all of it when the space is full.
///
/// # Errors
/// `InvalidBatch` when `input` is not such events. Those before the bad one then stand in the space.
pub fn push_flat(input: &[u8], space: &mut Space<'_>) -> Result<Size> {
    let mut read = Size::default();
    let mut map = HeaderMap::default();
    while read.bytes < input.len() {
        let mut at = read.bytes;
        map.clear();
        for _ in 0..number(input, &mut at)? {
            let offset = at;
            map.add(bytes(input, &mut at)?, bytes(input, &mut at)?, offset)?;
        }
        match map.push(space, bytes(input, &mut at)?) {
            Ok(()) => read = Size { events: read.events + 1, bytes: at },
            Err(Error::Full(_)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

pub(super) fn number(input: &[u8], at: &mut usize) -> Result<u32> {
    let Some(number) = input[*at..].first_chunk() else {
        return Err(invalid("the input ends inside a number", input.len()));
    };
    *at += number.len();
    Ok(u32::from_le_bytes(*number))
}

pub(super) fn bytes<'a>(input: &'a [u8], at: &mut usize) -> Result<&'a [u8]> {
    let offset = *at;
    let length = number(input, at)? as usize;
    let Some(bytes) = input[*at..].get(..length) else {
        return Err(invalid("a length reaches beyond the end of the input", offset));
    };
    *at += length;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Entry;

    #[test]
    fn flat_events_become_canonical_ones() {
        let mut input = Vec::new();
        input.extend([2, 0, 0, 0]);
        input.extend(b"\x02\0\0\0h1\x01\0\0\0x\x02\0\0\0h1\x02\0\0\0v1");
        input.extend(b"\x03\0\0\0one");
        input.extend(b"\0\0\0\0\0\0\0\0");
        let (mut bytes, mut table) = ([0; 32], [Entry::default(); 2]);
        let mut space = Space::new(&mut bytes, &mut table, 0);
        assert_eq!(push_flat(&input, &mut space), Ok(Size { events: 2, bytes: input.len() }));
        assert_eq!(space.run().bytes(), b"\x02\x04h1\x04v1\x00\x06one\x00\x00");
    }

    #[test]
    fn flat_events_stop_where_the_space_ends() {
        let input = b"\0\0\0\0\x01\0\0\0a\0\0\0\0\x01\0\0\0b";
        for (room, entries) in [(5, 2), (6, 1)] {
            let (mut bytes, mut table) = (vec![0; room], vec![Entry::default(); entries]);
            let mut space = Space::new(&mut bytes, &mut table, 0);
            assert_eq!(push_flat(input, &mut space), Ok(Size { events: 1, bytes: 9 }));
            assert_eq!(space.run().bytes(), b"\x00\x02a");
        }
    }

    #[test]
    fn flat_events_cut_short_are_refused() {
        let input = b"\x01\0\0\0\x01\0\0\0k\x01\0\0\0v\x01\0\0\0b";
        for len in 1..input.len() {
            let (mut bytes, mut table) = ([0; 32], [Entry::default(); 2]);
            let mut space = Space::new(&mut bytes, &mut table, 0);
            let result = push_flat(&input[..len], &mut space);
            assert!(matches!(result, Err(Error::InvalidBatch { offset, .. }) if offset <= len), "{len}: {result:?}");
        }
    }
}
