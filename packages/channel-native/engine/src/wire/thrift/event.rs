//! One event of Thrift's, and how it becomes canonical.

use std::str;

use super::{
    protocol::{Field, Grammar, Kind},
    skip::Skipper,
};
use crate::{
    Error,
    batch::{
        Space,
        canonical::HeaderMap,
        varint::{self, width},
    },
    wire::{
        cursor::{Cursor, Read, Stop},
        events::Encoding,
        stream::Step,
    },
};

/// So many headers are written without sorting them out first, if they allow it.
const PLAIN_MAX: usize = 16;

/// Where the parts of an event lie.
struct Parts<'a> {
    /// The first header; how many there are; and all of their bytes.
    headers: (Cursor<'a>, usize, &'a [u8]),
    body: &'a [u8],
    end: usize,
}

/// An event in one of Thrift's protocols.
#[derive(Default)]
pub(super) struct EventOf<G>(Skipper<G>);

impl<G: Grammar> Encoding for EventOf<G> {
    #[inline]
    fn take(input: &[u8], reach: usize, space: &mut Space<'_>) -> Read<Step> {
        let Parts { headers: (first, count, bytes), body, end } = parts::<G>(input, reach)?;
        let written = if count == 0 {
            space.push(&[0], body)
        } else {
            let mut texts = [[].as_slice(); 2 * PLAIN_MAX];
            let texts = texts.get_mut(..2 * count);
            match texts.map(|texts| read_texts::<G>(first.clone(), texts)).transpose()? {
                Some(texts) if is_plain(texts, bytes) => push_plain(texts, body, space),
                _ => push_wild::<G>(first, count, body, space),
            }
        };
        match written {
            Ok(()) => Ok(Step::Took(end)),
            Err(Error::InvalidBatch { what, offset }) => Err(Stop::Wrong { what, at: offset }),
            Err(_) => Ok(Step::Full(end)),
        }
    }

    fn take_whole(input: &[u8], space: &mut Space<'_>) -> Read<Step> {
        Self::take(input, input.len(), space)
    }

    fn begin(&mut self) {
        self.0.begin(Kind::Struct, 0);
    }

    fn walk(&mut self, input: &[u8], reach: usize) -> Read<usize> {
        self.0.walk(input, reach)
    }

    fn lacks(&self) -> usize {
        self.0.lacks()
    }
}

/// Finds the parts; fields may come in any order.
#[inline]
fn parts<G: Grammar>(input: &[u8], reach: usize) -> Read<Parts<'_>> {
    let mut cursor = Cursor::new(input, reach);
    let (mut headers, mut body, mut last) = (None, None, 0);
    while let Some(Field { id, kind }) = G::field(&mut cursor, &mut last)? {
        match (id, kind) {
            (1, Kind::Map) => headers = Some(skip_headers::<G>(&mut cursor)?),
            (2, Kind::Binary) => {
                let length = G::length(&mut cursor)?;
                body = Some(cursor.bytes(length)?);
            }
            _ => skip_field::<G>(kind, &mut cursor, reach)?,
        }
    }
    match (headers, body) {
        (Some(headers), Some(body)) => Ok(Parts { headers, body, end: cursor.at }),
        (None, _) => Err(cursor.wrong("an event has no headers")),
        _ => Err(cursor.wrong("an event has no body")),
    }
}

#[inline]
fn skip_headers<'a, G: Grammar>(cursor: &mut Cursor<'a>) -> Read<(Cursor<'a>, usize, &'a [u8])> {
    let (kinds, count) = G::map(cursor)?;
    if count > 0 && kinds != [Kind::Binary; 2] {
        return Err(cursor.wrong("headers are not text"));
    }
    let first = cursor.clone();
    for _ in 0..2 * count {
        let length = G::length(cursor)?;
        cursor.bytes(length)?;
    }
    let bytes = &cursor.input[first.at..cursor.at];
    Ok((first, count, bytes))
}

#[cold]
fn skip_field<G: Grammar>(kind: Kind, cursor: &mut Cursor<'_>, reach: usize) -> Read<()> {
    let mut skipper = Skipper::<G>::default();
    skipper.begin(kind, 1);
    let at = cursor.at;
    let walked = skipper.walk(&cursor.input[at..], reach.saturating_sub(at)).map_err(|stop| stop.behind(at))?;
    cursor.at += walked;
    if skipper.lacks() > 0 { Err(Stop::More(cursor.input.len() + 1)) } else { Ok(()) }
}

#[inline]
fn read_texts<'a, 't, G: Grammar>(mut cursor: Cursor<'a>, texts: &'t mut [&'a [u8]]) -> Read<&'t [&'a [u8]]> {
    for text in &mut *texts {
        let length = G::length(&mut cursor)?;
        *text = cursor.bytes(length)?;
    }
    Ok(texts)
}

/// Whether no key comes twice and all is valid UTF-8. `bytes` are those of all texts and their lengths.
#[inline]
fn is_plain(texts: &[&[u8]], bytes: &[u8]) -> bool {
    let (pairs, _) = texts.as_chunks::<2>();
    let unique =
        pairs.iter().enumerate().all(|(index, [key, _])| !pairs[..index].iter().any(|[other, _]| other == key));
    unique && (bytes.is_ascii() || texts.iter().all(|text| str::from_utf8(text).is_ok()))
}

#[inline]
fn push_plain(texts: &[&[u8]], body: &[u8], space: &mut Space<'_>) -> crate::Result<()> {
    let count = texts.len() / 2;
    let length: usize = texts.iter().map(|text| width(text.len()) + text.len()).sum();
    let target = space.push_event(width(count) + length + 1, body)?;
    let mut at = varint::write(target, count);
    for text in texts {
        at += varint::write(&mut target[at..], text.len());
        target[at..at + text.len()].copy_from_slice(text);
        at += text.len();
    }
    target[at] = 0;
    Ok(())
}

#[cold]
fn push_wild<'a, G: Grammar>(
    mut cursor: Cursor<'a>,
    count: usize,
    body: &[u8],
    space: &mut Space<'_>,
) -> crate::Result<()> {
    let mut map = HeaderMap::default();
    for _ in 0..count {
        let at = cursor.at;
        let mut text = || -> Read<&'a [u8]> {
            let length = G::length(&mut cursor)?;
            cursor.bytes(length)
        };
        let (Ok(key), Ok(value)) = (text(), text()) else {
            return Err(varint::invalid("headers cannot be read", at));
        };
        map.add(key, value, at)?;
    }
    map.push(space, body)
}
