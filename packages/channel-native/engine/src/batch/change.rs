//! Batches made of other batches: bodies are copied as they are, at most the small map in front is written anew.
//!
//! Each function returns how many events of the run it has dealt with: fewer than there are when the space is full, and the caller
//! goes on with the rest in another block.

use std::ops::Range;

use super::{
    headers::Pairs,
    run::Run,
    space::Space,
    varint::{self, invalid},
};
use crate::{Error, Result};

/// Copies events with a header set in all of them; where `preserve_existing`, an event that has the header keeps its own.
///
/// # Errors
/// `InvalidBatch` when a header map is not canonical.
pub fn set_header(
    run: &Run<'_>,
    key: &str,
    value: &str,
    preserve_existing: bool,
    space: &mut Space<'_>,
) -> Result<usize> {
    let pair = encode_pair(key, value);
    rewrite(run, key, |headers, found, body| match found.at {
        Some(_) if preserve_existing => space.push(headers, body),
        Some(at) => space.push_parts(&[&headers[..at.start], &pair, &headers[at.end..]], body),
        None => {
            let count = Count::of(found.count + 1);
            space.push_parts(&[count.bytes(), &headers[found.pairs], &pair, &[0]], body)
        }
    })
}

/// Copies events without a header.
///
/// # Errors
/// `InvalidBatch` when a header map is not canonical.
pub fn remove_header(run: &Run<'_>, key: &str, space: &mut Space<'_>) -> Result<usize> {
    rewrite(run, key, |headers, found, body| match found.at {
        None => space.push(headers, body),
        Some(_) if found.count == 1 => space.push(&[0], body),
        Some(at) => {
            let count = Count::of(found.count - 1);
            let (before, behind) = (found.pairs.start..at.start, at.end..);
            space.push_parts(&[count.bytes(), &headers[before], &headers[behind]], body)
        }
    })
}

/// Copies the events whose index `keep` wants; neighbours are copied together.
pub fn filter(run: &Run<'_>, keep: impl Fn(usize) -> bool, space: &mut Space<'_>) -> usize {
    let mut next = 0;
    while next < run.len() {
        let start = (next..run.len()).find(|&index| keep(index)).unwrap_or(run.len());
        let end = (start..run.len()).find(|&index| !keep(index)).unwrap_or(run.len());
        next = start + space.push_fitting(&run.slice(start..end));
        if next < end {
            return next;
        }
    }
    next
}

/// What is known of a map when a header was looked for.
struct Found {
    /// How many headers there are.
    count: usize,
    /// Where they stand.
    pairs: Range<usize>,
    /// Where the one looked for stands.
    at: Option<Range<usize>>,
}

fn find(map: &[u8], key: &str) -> Result<Found> {
    let mut pairs = Pairs::of(map)?;
    let count = usize::try_from(pairs.left()).map_err(|_| invalid("a header map is in blocks", 0))?;
    let start = pairs.at();
    let mut at = None;
    while let Some(pair) = pairs.next()? {
        if pair.key == key.as_bytes() {
            at = Some(pair.range);
            break;
        }
    }
    // Behind the headers stands one zero, which is the whole of an empty map.
    let end = map.len() - usize::from(count > 0);
    if map.last() != Some(&0) {
        return Err(invalid("a header map has no end", map.len()));
    }
    Ok(Found { count, pairs: start..end, at })
}

/// Lets `write` write each event anew, knowing where `key` stands in its map, until there is no room.
fn rewrite(run: &Run<'_>, key: &str, mut write: impl FnMut(&[u8], Found, &[u8]) -> Result<()>) -> Result<usize> {
    for (index, event) in run.iter().enumerate() {
        let found = find(event.headers, key).map_err(|error| match error {
            Error::InvalidBatch { what, offset } => invalid(what, run.base() as usize + run.offset(index) + offset),
            error => error,
        })?;
        match write(event.headers, found, event.body) {
            Ok(()) => {}
            Err(Error::Full(_)) => return Ok(index),
            Err(error) => return Err(error),
        }
    }
    Ok(run.len())
}

fn encode_pair(key: &str, value: &str) -> Vec<u8> {
    let mut pair = Vec::with_capacity(key.len() + value.len() + 10);
    for text in [key, value] {
        pair.extend_from_slice(Count::of(text.len()).bytes());
        pair.extend_from_slice(text.as_bytes());
    }
    pair
}

/// A length in its encoded form.
struct Count {
    bytes: [u8; 10],
    width: usize,
}

impl Count {
    fn of(count: usize) -> Self {
        let mut bytes = [0; 10];
        let width = varint::write(&mut bytes, count);
        Self { bytes, width }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.width]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Entry, Size, model::Scratch};

    #[test]
    fn a_map_that_is_not_canonical_is_refused_with_its_place() {
        let cases: [(&[u8], &str, usize); 3] = [
            (b"\x01\x00", "a header map is in blocks", 0),
            (b"\x02\x02k\x02v", "a header map has no end", 5),
            (b"\x04\x02k\x02v\x00", "the input ends inside a number", 6),
        ];
        for (map, what, offset) in cases {
            let bytes = [b"\x00\x00", map, b"\x00"].concat();
            let table = [Entry { start: 10, body: 10 + map.len() as u32 + 1 }, Entry { start: 8, body: 10 }];
            let run = Run::new(&bytes, &table, 8).unwrap();
            let mut scratch = Scratch::new(Size { events: 9, bytes: 99 });
            let refused = Err(Error::InvalidBatch { what, offset: 10 + offset });
            assert_eq!(set_header(&run, "key", "value", false, &mut scratch.space()), refused);
            assert_eq!(remove_header(&run, "key", &mut scratch.space()), refused);
        }
    }
}
