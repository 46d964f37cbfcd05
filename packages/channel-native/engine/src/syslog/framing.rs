//! Where messages begin and end.

use memchr::memchr;

use super::{Parser, Rules};

/// Most digits of a count. What claims to be longer is no frame but a line.
const COUNT_DIGITS: usize = 7;

/// Most digits of a priority.
const PRIORITY_DIGITS: usize = 3;

/// A message in a stream, or as much of it as one event may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where the message begins: behind its count.
    pub start: usize,
    /// Its length, without what ends it.
    pub len: usize,
    /// Where the next one begins.
    pub end: usize,
    /// Whether it was counted: then line ends in it mean nothing.
    pub counted: bool,
    /// Whether it was cut because it is too long.
    pub incomplete: bool,
    /// Bytes of the same frame that follow.
    pub left: usize,
}

/// The first piece of `tail` followed by `data`, when all of it is there. `left` bytes of it belong to a frame that was cut.
///
/// Looks at no more than the first bytes of the tail, so that it costs nothing to ask again for each byte that comes.
#[inline]
pub(super) fn piece(tail: &[u8], data: &[u8], left: usize, rules: &Rules) -> Option<Piece> {
    let total = tail.len() + data.len();
    let max = rules.event_bytes_max;
    let byte = |at: usize| if at < tail.len() { tail.get(at).copied() } else { data.get(at - tail.len()).copied() };
    let frame = |start: usize, bytes: usize| {
        let taken = bytes.min(max);
        let end = start + taken;
        let left = bytes - taken;
        let ends_line = || left == 0 && taken > 0 && byte(end - 1) == Some(b'\n');
        let piece = |len| Piece { start, len, end, counted: true, incomplete: left > 0, left };
        (total >= end).then(|| piece(taken - usize::from(ends_line())))
    };
    if left > 0 {
        return frame(0, left);
    }
    if rules.counted && byte(0)?.is_ascii_digit() {
        match count(byte) {
            Count::Open => return None,
            Count::Is { start, bytes } => return frame(start, bytes),
            Count::None => {}
        }
    }
    let from = searched_from(rules.parser, byte)?.max(tail.len());
    let line = |len, end, incomplete| Piece { start: 0, len, end, counted: false, incomplete, left: 0 };
    let until = total.min(max);
    if from < until {
        let window = &data[from - tail.len()..until - tail.len()];
        if let Some(newline) = memchr(b'\n', window) {
            return Some(line(from + newline, from + newline + 1, false));
        }
    }
    (total >= max).then(|| line(max, max, true))
}

/// What stands at the beginning of a message that begins with a digit.
enum Count {
    /// More bytes will tell.
    Open,
    /// The length of a frame, and where it begins.
    Is { start: usize, bytes: usize },
    /// Something else.
    None,
}

fn count(byte: impl Fn(usize) -> Option<u8>) -> Count {
    let mut bytes = 0;
    for at in 0..=COUNT_DIGITS {
        match byte(at) {
            None => return Count::Open,
            Some(b'0') if at == 0 => return Count::None,
            Some(digit @ b'0'..=b'9') if at < COUNT_DIGITS => bytes = 10 * bytes + usize::from(digit - b'0'),
            Some(b' ') => {
                return match byte(at + 1) {
                    None => Count::Open,
                    Some(b'<') => Count::Is { start: at + 1, bytes },
                    Some(_) => Count::None,
                };
            }
            Some(_) => return Count::None,
        }
    }
    Count::None
}

/// Where the `\n` that ends a message may be first. Flume's classic parser takes whatever stands where a digit of the priority ought to be for a
/// byte of the message.
#[inline]
fn searched_from(parser: Parser, byte: impl Fn(usize) -> Option<u8>) -> Option<usize> {
    if parser != Parser::Classic {
        return Some(0);
    }
    if byte(0)? != b'<' {
        return Some(1);
    }
    for at in 1..=PRIORITY_DIGITS {
        if !byte(at)?.is_ascii_digit() {
            return Some(at + 1);
        }
    }
    byte(PRIORITY_DIGITS + 1).map(|_| PRIORITY_DIGITS + 2)
}

/// The message in a datagram: its first line.
pub(super) fn datagram(datagram: &[u8], parser: Parser) -> &[u8] {
    let skipped = match parser {
        Parser::Plain => 0,
        _ => datagram.iter().take_while(|&&byte| byte == b'\n').count(),
    };
    let content = &datagram[skipped..];
    let from = searched_from(parser, |at| content.get(at).copied()).unwrap_or(content.len());
    let end = content.get(from..).and_then(|rest| memchr(b'\n', rest));
    &content[..end.map_or(content.len(), |newline| from + newline)]
}
