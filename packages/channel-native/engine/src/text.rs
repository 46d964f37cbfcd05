//! Events from the text that a command writes.
#![forbid(unsafe_code)]

use std::io::{self, PipeReader, PipeWriter};

use memchr::memchr2_iter;

use crate::{
    Result,
    batch::Space,
    lines::{NO_HEADERS, push_lossy, valid_up_to},
};

/// The longest character. A line may have one, however short its limit is.
const CHARACTER_BYTES_MAX: usize = 4;

/// So much is looked through for bad bytes at once, from a line that is complete on: short lines share the cost, and find it in the nearest cache when they are copied.
const WINDOW_BYTES: usize = 8 << 10;

/// What a pipe is to hold. Four times the usual saves a fifth of the processor time of a source that is flooded, sixteen times hardly more; and all pipes of
/// a user may have 64 MiB.
#[cfg(target_os = "linux")]
const PIPE_BYTES: usize = 256 << 10;

/// Opens a pipe that no other process inherits by itself, for what a command writes.
///
/// # Errors
/// What the system says when it has no more of them.
pub fn open_pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    // One of the usual size will do: a user has as many large ones as the system allows.
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BYTES);
    Ok((reader, writer))
}

/// Text of which all has arrived that stands before its end.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// What there is of it.
    pub bytes: &'a [u8],
    /// So many bytes of it, from the front, are known to have no line end.
    pub searched: usize,
    /// Whether nothing will follow.
    pub ended: bool,
}

/// What [`split_text`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextLines {
    /// How many bytes became events.
    pub consumed: usize,
    /// How often a line was cut because it is too long.
    pub cuts: usize,
    /// Whether the space ran out; the caller goes on from `consumed` in another one.
    pub full: bool,
}

/// Makes an event of every line that is complete, by the rule of Java's `readLine`.
///
/// A line ends in `\n`, `\r` or `\r\n`; where a `\r` is the last byte, a `\n` that follows later is the caller's to skip. The rest of text that has
/// ended is a line too, unless it is empty. A line of more than `max_bytes` becomes several events, cut between characters. Invalid UTF-8
/// becomes U+FFFD, one for each maximal subpart.
#[must_use]
pub fn split_text(text: Text<'_>, max_bytes: usize, space: &mut Space<'_>) -> TextLines {
    let mut lines = TextLines::default();
    lines.full = split(text, max_bytes.max(CHARACTER_BYTES_MAX), &mut lines, space).is_err();
    lines
}

fn split(text: Text<'_>, max_bytes: usize, lines: &mut TextLines, space: &mut Space<'_>) -> Result<()> {
    let Text { bytes, searched, ended } = text;
    let mut valid = 0;
    let mut push = |from: usize, to: usize| {
        let piece = &bytes[from..to];
        if to > valid {
            let window = &bytes[from..to.max(from + WINDOW_BYTES).min(bytes.len())];
            valid = from + valid_up_to(window);
        }
        if to <= valid { space.push(NO_HEADERS, piece) } else { push_lossy(piece, space) }
    };
    let mut ends = memchr2_iter(b'\n', b'\r', &bytes[searched..]).map(|at| searched + at);
    loop {
        // The `\n` of a `\r\n` ends nothing more.
        let end = ends.find(|&end| end >= lines.consumed);
        let until = end.unwrap_or(bytes.len());
        while until - lines.consumed > max_bytes {
            let cut = lines.consumed + cut_of(&bytes[lines.consumed..], max_bytes);
            push(lines.consumed, cut)?;
            lines.consumed = cut;
            lines.cuts += 1;
        }
        let Some(end) = end else { break };
        push(lines.consumed, end)?;
        let pair = bytes[end..].starts_with(b"\r\n");
        lines.consumed = end + 1 + usize::from(pair);
    }
    if ended && lines.consumed < bytes.len() {
        push(lines.consumed, bytes.len())?;
        lines.consumed = bytes.len();
    }
    Ok(())
}

/// Where a line is cut that goes on at `max_bytes`: there, or before the character that stands there.
fn cut_of(line: &[u8], max_bytes: usize) -> usize {
    let starts = |at: &usize| line[*at] & 0xc0 != 0x80;
    (1..=max_bytes).rev().take(CHARACTER_BYTES_MAX).find(starts).unwrap_or(max_bytes)
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

    fn split(text: Text<'_>, max_bytes: usize, room: Size) -> (TextLines, Vec<Vec<u8>>) {
        let mut scratch = Scratch::new(room);
        let mut space = scratch.space();
        let lines = split_text(text, max_bytes, &mut space);
        let run = space.run();
        assert!(run.iter().all(|event| event.headers == NO_HEADERS));
        (lines, run.iter().map(|event| event.body.to_vec()).collect())
    }

    fn open(bytes: &[u8]) -> Text<'_> {
        Text { bytes, searched: 0, ended: false }
    }

    #[test]
    fn a_line_ends_in_a_newline_a_return_or_both() {
        let (lines, bodies) = split(open(b"a\nb\rc\r\n\n\r\rrest"), 99, PLENTY);
        assert_eq!(lines, TextLines { consumed: 10, cuts: 0, full: false });
        assert_eq!(bodies, [b"a".as_slice(), b"b", b"c", b"", b"", b""]);
    }

    #[test]
    fn what_is_left_at_the_end_is_a_line_unless_it_is_empty() {
        let ended = |bytes| split(Text { ended: true, ..open(bytes) }, 99, PLENTY).1;
        assert_eq!(ended(b"a\nrest"), [b"a".as_slice(), b"rest"]);
        assert_eq!(ended(b"a\n"), [b"a"]);
        assert_eq!(ended(b"rest\r"), [b"rest"]);
        assert!(ended(b"").is_empty());
    }

    #[test]
    fn what_was_searched_is_not_searched_again() {
        let (lines, bodies) = split(Text { searched: 2, ..open(b"\r\nab\n") }, 99, PLENTY);
        assert_eq!((lines.consumed, bodies), (5, vec![b"\r\nab".to_vec()]));
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_characters() {
        let (lines, bodies) = split(open("abcdefgh\nabc漢漢\n12345678xy".as_bytes()), 8, PLENTY);
        assert_eq!(lines, TextLines { consumed: 27, cuts: 2, full: false });
        assert_eq!(bodies, ["abcdefgh", "abc漢", "漢", "12345678"].map(|body| body.as_bytes().to_vec()));
        // Where no character begins, as in a character set of another kind, it is cut anyhow.
        let (_, bodies) = split(open(&[0x80; 9]), 8, PLENTY);
        assert_eq!(bodies, ["\u{fffd}".repeat(8).into_bytes()]);
    }

    #[test]
    fn bad_bytes_are_replaced_and_good_lines_kept() {
        let (_, bodies) = split(open("ä\na\u{0}b\n".as_bytes()), 99, PLENTY);
        assert_eq!(bodies, ["ä", "a\0b"].map(|body| body.as_bytes().to_vec()));
        let (_, bodies) = split(open(b"good\na\xffb\xe2\x82\nc\n"), 99, PLENTY);
        assert_eq!(bodies, ["good", "a\u{fffd}b\u{fffd}", "c"].map(|body| body.as_bytes().to_vec()));
    }

    #[test]
    fn a_bad_byte_spoils_no_line_but_its_own_however_much_text_there_is() {
        // So seldom that there are windows before it, with it and behind it.
        let bad = |at| at % 701 == 7;
        let lines: Vec<_> =
            (0..3_000).map(|at| if bad(at) { b"b\xffd".to_vec() } else { "漢".repeat(at % 11).into_bytes() }).collect();
        let text = [lines.join(&b'\n'), b"\n".to_vec()].concat();
        assert!(text.len() > 4 * WINDOW_BYTES);
        let (_, bodies) = split(open(&text), 99, Size { events: 3_000, bytes: 1 << 18 });
        assert_eq!(bodies, naive(&text, 99));
    }

    #[test]
    fn a_pipe_holds_more_than_usual_where_that_is_allowed() {
        let (reader, _writer) = open_pipe().unwrap();
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::pipe::fcntl_getpipe_size(&reader).unwrap(), PIPE_BYTES);
    }

    /// What the whole text means, cut as it is cut when everything of it is there.
    fn naive(text: &[u8], max_bytes: usize) -> Vec<Vec<u8>> {
        let mut lines = vec![vec![]];
        for (at, &byte) in text.iter().enumerate() {
            match byte {
                b'\n' if at > 0 && text[at - 1] == b'\r' => {}
                b'\n' | b'\r' => lines.push(vec![]),
                _ => lines.last_mut().unwrap().push(byte),
            }
        }
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        let mut bodies = vec![];
        for line in &lines {
            let mut rest = line.as_slice();
            while rest.len() > max_bytes {
                let (piece, more) = rest.split_at(cut_of(rest, max_bytes));
                bodies.push(String::from_utf8_lossy(piece).into_owned().into_bytes());
                rest = more;
            }
            bodies.push(String::from_utf8_lossy(rest).into_owned().into_bytes());
        }
        bodies
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn lines_are_the_same_however_the_text_arrives(
            text in any_lines(&["\n", "\r", "\r\n"]),
            cuts in vec(any::<Index>(), 0..12),
            max_bytes in 0_usize..24,
            room in (1_usize..4, 75_usize..200),
        ) {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let (mut rest, mut bodies, mut after_return): (Vec<u8>, _, _) = (vec![], vec![], false);
            for cut in cuts.windows(2) {
                let piece = &text[cut[0]..cut[1]];
                let searched = rest.len();
                rest.extend(if after_return && piece.starts_with(b"\n") { &piece[1..] } else { piece });
                after_return = after_return && piece.is_empty();
                let mut from = 0;
                loop {
                    let state = Text {
                        bytes: &rest[from..],
                        searched: searched.saturating_sub(from),
                        ended: cut[1] == text.len(),
                    };
                    let (lines, more) = split(state, max_bytes, Size { events: room.0, bytes: room.1 });
                    bodies.extend(more);
                    from += lines.consumed;
                    if !lines.full {
                        break;
                    }
                    prop_assert!(lines.consumed > 0, "a line did not fit an empty space");
                }
                after_return |= from > 0 && from == rest.len() && rest.ends_with(b"\r");
                rest.drain(..from);
            }
            prop_assert_eq!(bodies, naive(&text, max_bytes.max(4)));
        }

        #[test]
        fn no_text_makes_the_splitter_panic(bytes in vec(any::<u8>(), 0..90), searched: Index, max: usize, ended: bool) {
            for max_bytes in [max, max % 32] {
                let searched = searched.index(bytes.len() + 1);
                split(Text { bytes: &bytes, searched, ended }, max_bytes, PLENTY);
            }
        }
    }
}
