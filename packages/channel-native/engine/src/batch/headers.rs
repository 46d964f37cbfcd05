//! Reading the header map of an event.

use std::{collections::HashSet, ops::Range, str};

use super::{
    run::Run,
    varint::{read, read_length},
};
use crate::Result;

/// The headers of an event, from its encoded map. A map that is not canonical ends where it goes wrong.
pub fn headers(map: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut pairs = Pairs::of(map).ok();
    std::iter::from_fn(move || {
        let pair = pairs.as_mut()?.next().ok()??;
        Some((str::from_utf8(pair.key).ok()?, str::from_utf8(pair.value).ok()?))
    })
}

/// The names of the headers of all events, each once, in the order in which they come first.
#[must_use]
pub fn header_names<'a>(run: &Run<'a>) -> Vec<&'a str> {
    let mut names = vec![];
    let mut known = HashSet::new();
    for event in run.iter() {
        for (at, (name, _)) in headers(event.headers).enumerate() {
            // Most events have the same headers in the same order.
            if names.get(at) != Some(&name) && known.insert(name) {
                names.push(name);
            }
        }
    }
    names
}

/// One header as it stands in a map.
pub(super) struct Pair<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// All its bytes, lengths included.
    pub range: Range<usize>,
}

/// Walks over a map that ought to be canonical.
pub(super) struct Pairs<'a> {
    map: &'a [u8],
    at: usize,
    left: i64,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(map: &'a [u8]) -> Result<Self> {
        let (left, at) = read(map, 0)?;
        Ok(Self { map, at, left })
    }

    /// How many pairs are still to come.
    pub(super) const fn left(&self) -> i64 {
        self.left
    }

    /// Where the next pair begins, or the map's last byte.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn next(&mut self) -> Result<Option<Pair<'a>>> {
        if self.left <= 0 {
            return Ok(None);
        }
        let (key, next) = text(self.map, self.at)?;
        let (value, next) = text(self.map, next)?;
        let range = self.at..next;
        self.at = next;
        self.left -= 1;
        Ok(Some(Pair { key, value, range }))
    }
}

/// Bytes with their length in front, and the offset behind them.
pub(super) fn text(input: &[u8], at: usize) -> Result<(&[u8], usize)> {
    let (length, start) = read_length(input, at)?;
    Ok((&input[start..start + length], start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_in_their_order() {
        let map = b"\x04\x04h1\x04v1\x00\x04\xc3\xa9\x00";
        assert_eq!(headers(map).collect::<Vec<_>>(), [("h1", "v1"), ("", "é")]);
        assert_eq!(headers(b"\x00").count(), 0);
    }

    #[test]
    fn a_map_that_goes_wrong_ends_there() {
        for map in [b"\x04\x02a\x02b".as_slice(), b"\x04\x02a\x02b\x09", b"\x04\x02a\x02b\x02\xff\x00\x00"] {
            assert_eq!(headers(map).collect::<Vec<_>>(), [("a", "b")]);
        }
        assert_eq!(headers(b"").count(), 0);
        assert_eq!(headers(b"\x03\x02a\x02b").count(), 0);
    }
}
