//! Making events canonical that come from outside.

use std::{borrow::Cow, collections::HashSet, str};

use super::{
    headers::text,
    space::{Size, Space},
    varint::{self, invalid, read, read_length, width},
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
        let (written, end) = if let Some((body_at, end)) = canonical_event(input, at) {
            (space.push_encoded(&input[at..end], body_at - at), end)
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

/// The offsets of the body and of the end of the event at `at`, if it can be taken as it is.
fn canonical_event(input: &[u8], at: usize) -> Option<(usize, usize)> {
    let (count, mut next) = minimal_length(input, at)?;
    if count > 0 {
        let mut keys = [[].as_slice(); COMPARED_MAX];
        for index in 0..count {
            let (key, behind) = minimal_text(input, next)?;
            let (_, behind) = minimal_text(input, behind)?;
            if keys[..index].contains(&key) {
                return None;
            }
            *keys.get_mut(index)? = key;
            next = behind;
        }
        if input.get(next) != Some(&0) {
            return None;
        }
        next += 1;
    }
    let (body, start) = minimal_length(input, next)?;
    Some((start, start + body))
}

fn minimal_length(input: &[u8], at: usize) -> Option<(usize, usize)> {
    let (length, next) = read_length(input, at).ok()?;
    (next - at == width(length)).then_some((length, next))
}

fn minimal_text(input: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let (length, start) = minimal_length(input, at)?;
    let bytes = &input[start..start + length];
    str::from_utf8(bytes).is_ok().then_some((bytes, start + length))
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
pub(super) struct HeaderMap<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> HeaderMap<'a> {
    pub(super) fn clear(&mut self) {
        self.pairs.clear();
    }

    /// Adds a header that was read at `offset`.
    pub(super) fn add(&mut self, key: &'a [u8], value: &'a [u8], offset: usize) -> Result<()> {
        if self.pairs.len() == HEADERS_MAX {
            return Err(invalid("an event has more than 65,536 headers", offset));
        }
        self.pairs.push((String::from_utf8_lossy(key), String::from_utf8_lossy(value)));
        Ok(())
    }

    /// Writes an event with these headers.
    pub(super) fn push(&mut self, space: &mut Space<'_>, body: &[u8]) -> Result<()> {
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
