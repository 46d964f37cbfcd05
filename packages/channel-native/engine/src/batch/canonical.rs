//! Making events canonical that come from outside.

use std::{borrow::Cow, collections::HashSet, str};

use super::{
    headers::text,
    space::{Size, Space},
    varint::{self, invalid, read, width},
};
use crate::{Error, Result};

/// Up to so many headers are compared with each other to find a key that comes twice; more are hashed.
const COMPARED_MAX: usize = 16;

/// The most headers of one event. They cost far more memory than wire bytes while they are sorted out.
const HEADERS_MAX: usize = 1 << 16;

/// Reads up to `count` Avro-encoded `AvroFlumeEvent` values from the front of `input`, and writes them in canonical form: what
/// is canonical already is copied whole; maps in several blocks, long-winded lengths, keys that come twice (the last wins) and
/// invalid UTF-8 (becomes U+FFFD) are put right.
///
/// Returns how many events and bytes of `input` were read; fewer than `count` when the space is full.
///
/// # Errors
/// `InvalidBatch` when `input` is not such events. Those before the bad one then stand in the space.
pub fn scan_events(input: &[u8], count: usize, space: &mut Space<'_>) -> Result<Size> {
    let mut scanned = Size::default();
    let mut map = HeaderMap::default();
    while scanned.events < count {
        let at = scanned.bytes;
        let (written, end) = if let Front::Canonical { body_at, end } = front(&input[at..]) {
            (space.push_encoded(&input[at..at + end], body_at), at + end)
        } else {
            map.clear();
            let body_at = read_map(input, at, &mut map)?;
            let (body, end) = text(input, body_at)?;
            (map.push(space, body), end)
        };
        match written {
            Ok(()) => scanned = Size { events: scanned.events + 1, bytes: end },
            Err(Error::Full(_)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(scanned)
}

/// What stands at the front of bytes that ought to be an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// An event that can be taken as it is.
    Canonical {
        /// Where its body begins.
        body_at: usize,
        /// Where it ends.
        end: usize,
    },
    /// Something that is canonical as far as it goes, but the bytes end inside it.
    Cut,
    /// An event that is not canonical, whole or not, or none.
    Wild,
}

/// Looks at one event. This is the way of every byte from Flume's own clients.
#[inline]
pub(crate) fn front(input: &[u8]) -> Front {
    match canonical(input) {
        Ok((body_at, end)) => Front::Canonical { body_at, end },
        Err(front) => front,
    }
}

#[inline]
fn canonical(input: &[u8]) -> std::result::Result<(usize, usize), Front> {
    let (count, mut next) = number(input, 0)?;
    if count > 0 {
        let mut keys = [[].as_slice(); COMPARED_MAX];
        for index in 0..count {
            let (key, behind) = bytes(input, next)?;
            let (_, behind) = bytes(input, behind)?;
            if keys[..index].contains(&key) {
                return Err(Front::Wild);
            }
            *keys.get_mut(index).ok_or(Front::Wild)? = key;
            next = behind;
        }
        // The lengths of short texts are ASCII too, so that one look at all the bytes is enough for most maps.
        if !input[..next].is_ascii() && !all_utf8(input, count) {
            return Err(Front::Wild);
        }
        match input.get(next) {
            Some(0) => next += 1,
            Some(_) => return Err(Front::Wild),
            None => return Err(Front::Cut),
        }
    }
    let (length, body_at) = number(input, next)?;
    if length > input.len() - body_at {
        return Err(Front::Cut);
    }
    Ok((body_at, body_at + length))
}

/// A length that is as short as it can be, and the offset behind it.
#[inline]
fn number(input: &[u8], at: usize) -> std::result::Result<(usize, usize), Front> {
    match input.get(at) {
        Some(byte) if byte & 0x81 == 0 => Ok((usize::from(byte >> 1), at + 1)),
        _ => match varint::read_started(input, at) {
            Ok(None) => Err(Front::Cut),
            Ok(Some((number, next))) => match usize::try_from(number) {
                Ok(length) if next - at == width(length) => Ok((length, next)),
                _ => Err(Front::Wild),
            },
            Err(_) => Err(Front::Wild),
        },
    }
}

#[inline]
fn bytes(input: &[u8], at: usize) -> std::result::Result<(&[u8], usize), Front> {
    let (length, start) = number(input, at)?;
    let bytes = input[start..].get(..length).ok_or(Front::Cut)?;
    Ok((bytes, start + length))
}

/// Whether the keys and values of a map of `count` headers are text.
#[cold]
fn all_utf8(input: &[u8], count: usize) -> bool {
    let text = |at| bytes(input, at).ok().filter(|(bytes, _)| str::from_utf8(bytes).is_ok()).map(|(_, next)| next);
    number(input, 0).is_ok_and(|(_, first)| (0..2 * count).try_fold(first, |at, _| text(at)).is_some())
}

/// Reads any map that Avro allows, and returns the offset behind it.
fn read_map<'a>(input: &'a [u8], at: usize, map: &mut HeaderMap<'a>) -> Result<usize> {
    let mut at = at;
    loop {
        let (count, mut next) = read(input, at)?;
        if count == 0 {
            return Ok(next);
        }
        if count < 0 {
            // The bytes of the block follow, for readers that skip it.
            (_, next) = read(input, next)?;
        }
        // Each header takes input, so that no count is believed further than the input goes.
        for _ in 0..count.unsigned_abs() {
            let (key, behind) = text(input, next)?;
            let (value, behind) = text(input, behind)?;
            map.add(key, value, next)?;
            next = behind;
        }
        at = next;
    }
}

/// Headers that are on their way to canonical form. Keys may come twice until they are written.
#[derive(Default)]
pub(crate) struct HeaderMap<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> HeaderMap<'a> {
    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }

    /// Adds a header that was read at `offset`.
    pub(crate) fn add(&mut self, key: &'a [u8], value: &'a [u8], offset: usize) -> Result<()> {
        if self.pairs.len() == HEADERS_MAX {
            return Err(invalid("an event has more than 65,536 headers", offset));
        }
        self.pairs.push((String::from_utf8_lossy(key), String::from_utf8_lossy(value)));
        Ok(())
    }

    /// Writes an event with these headers.
    pub(crate) fn push(&mut self, space: &mut Space<'_>, body: &[u8]) -> Result<()> {
        if self.pairs.is_empty() {
            return space.push(&[0], body);
        }
        self.drop_overridden();
        let texts = || self.pairs.iter().flat_map(|(key, value)| [key, value]);
        let len: usize = texts().map(|text| width(text.len()) + text.len()).sum();
        let target = space.push_event(width(self.pairs.len()) + len + 1, body)?;
        let mut at = varint::write(target, self.pairs.len());
        for text in texts() {
            at += varint::write(&mut target[at..], text.len());
            target[at..at + text.len()].copy_from_slice(text.as_bytes());
            at += text.len();
        }
        target[at] = 0;
        Ok(())
    }

    /// Drops each header whose key comes again.
    fn drop_overridden(&mut self) {
        let count = self.pairs.len();
        if count <= COMPARED_MAX {
            for index in (0..count).rev() {
                let (earlier, later) = self.pairs.split_at(index + 1);
                if later.iter().any(|(key, _)| *key == earlier[index].0) {
                    self.pairs.remove(index);
                }
            }
        } else {
            let mut later = HashSet::with_capacity(count);
            let last: Vec<_> = self.pairs.iter().rev().map(|(key, _)| later.insert(key)).collect();
            let mut last = last.iter().rev();
            self.pairs.retain(|_| last.next().is_some_and(|last| *last));
        }
    }
}
