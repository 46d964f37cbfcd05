//! Events from lines of text that arrives in pieces.
#![forbid(unsafe_code)]

use std::{borrow::Cow, str};

use memchr::memchr_iter;

use crate::{Result, batch::Space};

/// The header map of an event without headers.
pub(crate) const NO_HEADERS: &[u8] = &[0];

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
    let valid = valid_up_to(data);
    for newline in memchr_iter(b'\n', data) {
        let piece = &data[lines.consumed..newline];
        if reaches(tail, piece, max_chars, Ending::Final) {
            return Lines { overlong: true, ..lines };
        }
        let is_valid = tail.is_empty() && newline <= valid;
        let pushed = if is_valid { space.push(NO_HEADERS, piece) } else { push_lossy(&join(tail, piece), space) };
        if pushed.is_err() {
            return Lines { full: true, ..lines };
        }
        tail = &[];
        lines.events += 1;
        lines.consumed = newline + 1;
    }
    lines.overlong = reaches(tail, &data[lines.consumed..], max_chars, Ending::Open);
    lines
}

/// How far the text is valid UTF-8. Asked once for all lines, because that costs far less than asking for each.
pub(crate) fn valid_up_to(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len)
}

/// Adds a line in which invalid UTF-8 becomes U+FFFD.
pub(crate) fn push_lossy(line: &[u8], space: &mut Space<'_>) -> Result<()> {
    space.push(NO_HEADERS, String::from_utf8_lossy(line).as_bytes())
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
        units += units_of(chunk.valid());
        let cut_off = || str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
        let pending = ending == Ending::Open && chunks.peek().is_none() && cut_off();
        units += usize::from(!chunk.invalid().is_empty() && !pending);
    }
    units
}

/// Each character has one byte that continues none, and those of four bytes are two units.
fn units_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let characters = bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    characters + bytes.iter().filter(|&&byte| byte >= 0xf0).count()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::Index};

    use super::*;
    use crate::batch::{
        Size,
        model::{Scratch, any_lines, cases},
    };

    const PLENTY: Size = Size { events: 100, bytes: 1 << 14 };

    fn split(tail: &[u8], data: &[u8], max_chars: usize, room: Size) -> (Lines, Vec<Vec<u8>>) {
        let mut scratch = Scratch::new(room);
        let mut space = scratch.space();
        let lines = split_lines(tail, data, max_chars, &mut space);
        let run = space.run();
        assert_eq!(run.len(), lines.events);
        assert!(run.iter().all(|event| event.headers == NO_HEADERS));
        (lines, run.iter().map(|event| event.body.to_vec()).collect())
    }

    #[test]
    fn only_the_newline_is_taken_away() {
        let (lines, bodies) = split(b"Hel", b"lo\r\n\n\nrest", 512, PLENTY);
        assert_eq!(lines, Lines { events: 3, consumed: 6, overlong: false, full: false });
        assert_eq!(bodies, [b"Hello\r".as_slice(), b"", b""]);
    }

    #[test]
    fn a_line_may_have_so_many_characters_with_its_newline() {
        // One unit for each character, whatever it takes in UTF-8; two for those beyond the basic plane.
        for line in ["abcdefg", "äöüßéèê", "漢字漢字漢字漢", "😀😀😀x", "\u{fffd}bcdefg"] {
            let longest = format!("{line}\nx");
            let (lines, bodies) = split(b"", longest.as_bytes(), 8, PLENTY);
            assert_eq!((lines.overlong, bodies), (false, vec![line.as_bytes().to_vec()]), "{line}");
            let (lines, bodies) = split(b"", format!("ok\n{line}y\nx").as_bytes(), 8, PLENTY);
            assert_eq!(lines, Lines { events: 1, consumed: 3, overlong: true, full: false }, "{line}");
            assert_eq!(bodies, [b"ok"]);
        }
    }

    #[test]
    fn a_line_without_end_is_found_out_when_it_has_all_its_characters() {
        let endless = |tail: &[u8], data: &[u8]| split(tail, data, 8, PLENTY).0.overlong;
        assert!(!endless("äö".as_bytes(), "üßéèê".as_bytes()));
        assert!(endless("äö".as_bytes(), "üßéèêë".as_bytes()));
        assert!(!endless(b"abcdefg", b"\xf0\x9f\x98"), "the last character is not complete");
        assert!(endless(b"abcdefg", b"\xff"));
        assert!(endless(&[b'x'; 100], b""));
        assert!(!endless(b"abcdefg", b"\nabcdefg"), "the tail ended with its line");
    }

    #[test]
    fn bad_bytes_are_replaced_and_good_lines_kept() {
        let (lines, bodies) = split(b"\xf0\x9f", b"\x98\x80\na\xffb\xe2\x82\nc\n", 512, PLENTY);
        assert_eq!(lines.events, 3);
        assert_eq!(bodies, ["😀", "a\u{fffd}b\u{fffd}", "c"].map(|body| body.as_bytes().to_vec()));
    }

    #[test]
    fn a_space_that_ran_out_is_told_before_anything_else() {
        let (lines, bodies) = split(b"on", b"e\ntwo\nan endless line", 8, Size { events: 1, bytes: 100 });
        assert_eq!(lines, Lines { events: 1, consumed: 2, overlong: false, full: true });
        assert_eq!(bodies, [b"one"]);
        let (lines, _) = split(b"on", b"e\n", 8, Size { events: 1, bytes: 4 });
        assert_eq!(lines, Lines { events: 0, consumed: 0, overlong: false, full: true });
    }

    /// What the whole stream means: its lines, and whether one was too long.
    fn naive(stream: &[u8], max_chars: usize) -> (Vec<Vec<u8>>, bool) {
        let mut pieces: Vec<_> = stream.split(|&byte| byte == b'\n').collect();
        let rest = pieces.pop().unwrap_or_default();
        let mut bodies = vec![];
        for piece in pieces {
            let line = String::from_utf8_lossy(piece);
            if line.encode_utf16().count() + 1 > max_chars {
                return (bodies, true);
            }
            bodies.push(line.as_bytes().to_vec());
        }
        let begun = |len: &usize| {
            let end = rest.len().checked_sub(*len).map(|at| &rest[at..]);
            end.is_some_and(|end| str::from_utf8(end).is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none()))
        };
        let complete = &rest[..rest.len() - (1..4).find(begun).unwrap_or(0)];
        (bodies, String::from_utf8_lossy(complete).encode_utf16().count() >= max_chars)
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn lines_are_the_same_however_the_text_arrives(
            stream in any_lines(&["\n", "\n", "\n", "\r"]),
            cuts in vec(any::<Index>(), 0..12),
            max_chars in 0_usize..24,
            room in (1_usize..4, 75_usize..200),
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let (mut tail, mut bodies, mut overlong) = (vec![], vec![], false);
            'stream: for cut in cuts.windows(2) {
                let mut data = &stream[cut[0]..cut[1]];
                loop {
                    let (lines, more) = split(&tail, data, max_chars, Size { events: room.0, bytes: room.1 });
                    bodies.extend(more);
                    data = &data[lines.consumed..];
                    if lines.consumed > 0 {
                        tail.clear();
                    }
                    if lines.overlong {
                        overlong = true;
                        break 'stream;
                    }
                    if !lines.full {
                        break;
                    }
                    prop_assert!(lines.events > 0, "a line did not fit an empty space");
                }
                tail.extend_from_slice(data);
            }
            prop_assert_eq!((bodies, overlong), naive(&stream, max_chars));
        }

        #[test]
        fn no_text_makes_the_splitter_panic(tail in vec(any::<u8>(), 0..20), data in vec(any::<u8>(), 0..90), max: usize) {
            for max_chars in [max, max % 32] {
                split(&tail, &data, max_chars, PLENTY);
            }
        }
    }
}
