//! Events from lines of text that arrives in pieces.
#![forbid(unsafe_code)]

use std::{borrow::Cow, str};

use memchr::memchr_iter;

use crate::batch::Space;

/// The header map of an event without headers.
const NO_HEADERS: &[u8] = &[0];

/// What [`split_lines`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lines {
    /// How many lines became events.
    pub events: usize,
    /// How many bytes of `data` they took. If any, `tail` is used up.
    pub consumed: usize,
    /// Whether the next line is too long, complete or not.
    pub overlong: bool,
    /// Whether the space ran out; the caller goes on from `consumed` in another one.
    pub full: bool,
}

/// Makes an event of every line that is complete in `tail` followed by `data`, by the rule of Flume's netcat source.
///
/// A line ends in `\n`, which is not part of its body; a `\r` is, and an empty line is an empty body. `tail` is the unfinished rest of what
/// came before, without any `\n`. A line counts at most `max_chars` UTF-16 code units, the `\n` among them; the first one that is
/// longer, or that goes on for so long without end, ends the splitting. Invalid UTF-8 becomes U+FFFD, one for each maximal subpart.
#[must_use]
pub fn split_lines(tail: &[u8], data: &[u8], max_chars: usize, space: &mut Space<'_>) -> Lines {
    let mut lines = Lines::default();
    let mut tail = tail;
    for newline in memchr_iter(b'\n', data) {
        let piece = &data[lines.consumed..newline];
        if reaches(tail, piece, max_chars, Ending::Final) {
            return Lines { overlong: true, ..lines };
        }
        if !push_line(&join(tail, piece), space) {
            return Lines { full: true, ..lines };
        }
        tail = &[];
        lines.events += 1;
        lines.consumed = newline + 1;
    }
    lines.overlong = reaches(tail, &data[lines.consumed..], max_chars, Ending::Open);
    lines
}

fn push_line(line: &[u8], space: &mut Space<'_>) -> bool {
    // Most text is ASCII, and to see that is cheaper than to decode it.
    if line.is_ascii() || str::from_utf8(line).is_ok() {
        space.push(NO_HEADERS, line).is_ok()
    } else {
        space.push(NO_HEADERS, String::from_utf8_lossy(line).as_bytes()).is_ok()
    }
}

fn join<'a>(tail: &[u8], piece: &'a [u8]) -> Cow<'a, [u8]> {
    if tail.is_empty() { Cow::Borrowed(piece) } else { Cow::Owned([tail, piece].concat()) }
}

/// Whether more text may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// No: a character that is cut off is invalid.
    Final,
    /// Yes: a character that is cut off counts when the rest of it has come.
    Open,
}

/// Whether text has at least `max_chars` UTF-16 code units.
fn reaches(tail: &[u8], piece: &[u8], max_chars: usize, ending: Ending) -> bool {
    // A unit stands for one to three bytes, and a character that is cut off has three at most.
    let len = tail.len() + piece.len();
    if len < max_chars {
        false
    } else if len > max_chars.saturating_mul(3) {
        true
    } else {
        units(&join(tail, piece), ending) >= max_chars
    }
}

/// How many UTF-16 code units the text has, with one U+FFFD for each maximal subpart of invalid UTF-8.
fn units(text: &[u8], ending: Ending) -> usize {
    let mut units = 0;
    let mut chunks = text.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        // Each character has one byte that continues none, and those of four bytes need two units.
        let valid = chunk.valid().bytes();
        units += valid.map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum::<usize>();
        let cut_off = || str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
        let pending = ending == Ending::Open && chunks.peek().is_none() && cut_off();
        units += usize::from(!chunk.invalid().is_empty() && !pending);
    }
    units
}
