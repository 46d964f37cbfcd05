//! Batches made of other batches: bodies are copied as they are, at most the small map in front is written anew.

use std::borrow::Cow;

use super::{
    flat::{bytes, number},
    headers::Pairs,
    run::Run,
    space::Space,
    varint::{self, invalid},
};
use crate::{Error, Result};

/// A header that is set in events, or taken from them.
#[derive(Debug)]
pub struct Edit {
    name: Vec<u8>,
    /// The header as a map has it; none to remove it.
    pair: Option<Vec<u8>>,
    /// Whether an event that has the header keeps its own.
    preserve: bool,
}

impl Edit {
    /// An edit that sets a header; where `preserve`, an event that has it keeps its own.
    #[must_use]
    pub fn set(name: &str, value: &str, preserve: bool) -> Self {
        let mut pair = Vec::with_capacity(name.len() + value.len() + 10);
        for text in [name, value] {
            let mut length = [0; 10];
            let width = varint::write(&mut length, text.len());
            pair.extend_from_slice(&length[..width]);
            pair.extend_from_slice(text.as_bytes());
        }
        Self { name: name.into(), pair: Some(pair), preserve }
    }

    /// An edit that removes a header.
    #[must_use]
    pub fn remove(name: &str) -> Self {
        Self { name: name.into(), pair: None, preserve: false }
    }

    fn apply<'a>(&'a self, headers: &mut Vec<Header<'a>>) {
        let at = headers.iter().position(|header| header.name == self.name);
        match (at, &self.pair) {
            (Some(_), Some(_)) if self.preserve => {}
            (Some(at), Some(pair)) => headers[at].pair = pair,
            (None, Some(pair)) => headers.push(Header { name: &self.name, pair }),
            (Some(at), None) => drop(headers.remove(at)),
            (None, None) => {}
        }
    }
}

/// Reads edits as TypeScript writes them down, to the end of `input`. Invalid UTF-8 becomes U+FFFD.
///
/// ```text
/// edit:  u32 what (0 remove, 1 set, 2 set where it is not) · u32 length · name · (u32 length · value, if set)     all u32 little-endian
/// ```
///
/// # Errors
/// `InvalidBatch` when `input` is not such edits.
pub fn read_edits(input: &[u8]) -> Result<Vec<Edit>> {
    let mut edits = vec![];
    let mut at = 0;
    while at < input.len() {
        let offset = at;
        let what = number(input, &mut at)?;
        let name = text(input, &mut at)?;
        edits.push(match what {
            0 => Edit::remove(&name),
            1 | 2 => Edit::set(&name, &text(input, &mut at)?, what == 2),
            _ => return Err(invalid("an edit is of no kind", offset)),
        });
    }
    Ok(edits)
}

fn text<'a>(input: &'a [u8], at: &mut usize) -> Result<Cow<'a, str>> {
    Ok(String::from_utf8_lossy(bytes(input, at)?))
}

/// Copies the events whose index `keep` wants, with all edits made in each, in their order.
///
/// Returns how many events of the run it has dealt with: fewer than there are when the space is full, and the caller goes on with
/// the rest in another block.
///
/// # Errors
/// `InvalidBatch` when a header map is not canonical.
pub fn change(run: &Run<'_>, edits: &[Edit], keep: impl Fn(usize) -> bool, space: &mut Space<'_>) -> Result<usize> {
    if edits.is_empty() {
        return Ok(filter(run, keep, space));
    }
    let mut headers = vec![];
    for (index, event) in run.iter().enumerate() {
        if !keep(index) {
            continue;
        }
        read_headers(event.headers, &mut headers).map_err(|error| match error {
            Error::InvalidBatch { what, offset } => invalid(what, run.base() as usize + run.offset(index) + offset),
            error => error,
        })?;
        for edit in edits {
            edit.apply(&mut headers);
        }
        match push(&headers, event.body, space) {
            Ok(()) => {}
            Err(Error::Full(_)) => return Ok(index),
            Err(error) => return Err(error),
        }
    }
    Ok(run.len())
}

/// Copies the events whose index `keep` wants; neighbours are copied together.
fn filter(run: &Run<'_>, keep: impl Fn(usize) -> bool, space: &mut Space<'_>) -> usize {
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

/// A header of an event that is being changed.
struct Header<'a> {
    name: &'a [u8],
    /// All its bytes, lengths included.
    pair: &'a [u8],
}

fn read_headers<'a>(map: &'a [u8], headers: &mut Vec<Header<'a>>) -> Result<()> {
    headers.clear();
    let mut pairs = Pairs::of(map)?;
    let empty = pairs.left() == 0;
    if pairs.left() < 0 {
        return Err(invalid("a header map is in blocks", 0));
    }
    while let Some(pair) = pairs.next()? {
        headers.push(Header { name: pair.key, pair: &map[pair.range] });
    }
    // Behind the headers stands one zero, which is the whole of an empty map.
    let end = pairs.at() - usize::from(empty);
    if map[end..] != [0] {
        return Err(invalid("a header map has no end", map.len()));
    }
    Ok(())
}

fn push(headers: &[Header<'_>], body: &[u8], space: &mut Space<'_>) -> Result<()> {
    if headers.is_empty() {
        return space.push(&[0], body);
    }
    let len: usize = headers.iter().map(|header| header.pair.len()).sum();
    let target = space.push_event(varint::width(headers.len()) + len + 1, body)?;
    let mut at = varint::write(target, headers.len());
    for Header { pair, .. } in headers {
        target[at..at + pair.len()].copy_from_slice(pair);
        at += pair.len();
    }
    target[at] = 0;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Entry, Size, model::Scratch};

    #[test]
    fn a_map_that_is_not_canonical_is_refused_with_its_place() {
        let cases: [(&[u8], &str, usize); 4] = [
            (b"\x01\x00", "a header map is in blocks", 0),
            (b"\x02\x02k\x02v", "a header map has no end", 5),
            (b"\x02\x02k\x02v\x00\x00", "a header map has no end", 7),
            (b"\x04\x02k\x02v\x00", "the input ends inside a number", 6),
        ];
        for (map, what, offset) in cases {
            let bytes = [b"\x00\x00", map, b"\x00"].concat();
            let table = [Entry { start: 10, body: 10 + map.len() as u32 + 1 }, Entry { start: 8, body: 10 }];
            let run = Run::new(&bytes, &table, 8).unwrap();
            let mut scratch = Scratch::new(Size { events: 9, bytes: 99 });
            let refused = Err(Error::InvalidBatch { what, offset: 10 + offset });
            let edits = [Edit::remove("key")];
            assert_eq!(change(&run, &edits, |_| true, &mut scratch.space()), refused);
        }
    }

    #[test]
    fn edits_are_read_as_they_are_written() {
        let input = b"\0\0\0\0\x01\0\0\0a\x01\0\0\0\x01\0\0\0b\x01\0\0\0c\x02\0\0\0\x01\0\0\0\xff\0\0\0\0";
        let edits = read_edits(input).unwrap();
        let kinds: Vec<_> = edits.iter().map(|edit| (edit.name.as_slice(), edit.preserve)).collect();
        assert_eq!(kinds, [(b"a".as_slice(), false), (b"b", false), ("\u{fffd}".as_bytes(), true)]);
        let pairs: Vec<_> = edits.iter().map(|edit| edit.pair.as_deref()).collect();
        assert_eq!(pairs, [None, Some(b"\x02b\x02c".as_slice()), Some(b"\x06\xef\xbf\xbd\0")]);
        for len in 1..9 {
            assert!(read_edits(&input[..len]).is_err(), "{len}");
        }
        assert!(read_edits(b"\x03\0\0\0\0\0\0\0").is_err());
    }
}
