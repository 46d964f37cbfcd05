//! Events from syslog messages: streams that arrive in pieces, and datagrams.
//!
//! Flume has two parsers, and so has this: that of `syslogtcp` and `syslogudp` ([`Parser::Classic`]) and that of
//! `multiport_syslogtcp` ([`Parser::Multiport`]). What both make of a message is the same event as Flume's, but for the defects that
//! `docs/reference/differences.md` lists.
//!
//! ```text
//! stream:    message \n message \n …          a message ends at \n, or is cut at so many bytes
//!            count SP message                 or is counted (RFC 6587), when digits, a blank and a < are where a message begins
//! message:   <priority> version timestamp host text
//! ```
#![forbid(unsafe_code)]

mod classic;
mod event;
mod framing;
mod multiport;
#[cfg(test)]
mod naive;
mod scan;
#[cfg(test)]
mod tests;
mod time;

pub use encoding_rs::Encoding;
pub use event::Extras;

use std::time::{SystemTime, UNIX_EPOCH};

use self::{
    event::{Event, Writer},
    framing::Piece,
    time::Clock,
};
use crate::batch::Space;

/// How a message is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parser {
    /// As Flume's `syslogtcp` and `syslogudp` do.
    Classic,
    /// As Flume's `multiport_syslogtcp` does.
    Multiport,
    /// Not at all: a line is a body, as of Flume's `netcatudp`.
    Plain,
}

/// What is put back in front of a body.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of a configuration")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The priority in its brackets.
    pub priority: bool,
    /// The version, when there is one.
    pub version: bool,
    /// The timestamp as it was sent.
    pub timestamp: bool,
    /// The host.
    pub hostname: bool,
    /// The body is the message as it was sent.
    pub all: bool,
}

/// How messages become events.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How a message is understood.
    pub parser: Parser,
    /// What is put back in front of bodies.
    pub keep: Keep,
    /// The most bytes of a message in a stream; a longer one is cut into several events. At least [`EVENT_BYTES_MIN`].
    pub event_bytes_max: usize,
    /// Whether messages may be counted (RFC 6587).
    pub counted: bool,
    /// The character set of [`Parser::Multiport`], an ASCII-compatible one; none is UTF-8.
    pub charset: Option<&'static Encoding>,
}

/// The least that [`Rules::event_bytes_max`] may be: priorities are shorter.
pub const EVENT_BYTES_MIN: usize = 10;

/// What [`read_stream`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read {
    /// How many bytes of `data` became events. If any, `tail` is used up.
    pub consumed: usize,
    /// Bytes of a counted message that are still to come behind what was consumed: give them to the next call.
    pub left: usize,
    /// Whether the space ran out; the caller goes on from `consumed` in another one.
    pub full: bool,
}

/// Makes an event of every message that is complete in `tail` followed by `data`.
///
/// `tail` is the unfinished rest of what came before, as an earlier call with the same rules left it, and `left` what that call said.
#[must_use]
pub fn read_stream(tail: &[u8], data: &[u8], left: usize, rules: &Rules, extras: &[u8], space: &mut Space<'_>) -> Read {
    let clock = Clock::new(now_ms());
    Reader::new(rules, clock).stream(tail, data, left, &Extras::of(extras), space)
}

/// Makes an event of every datagram that lies in `staged`: none of an empty one, unless [`Parser::Plain`]. `marks` has two numbers for each: its
/// length, and which of `origins` it has; those have two: where in `maps` further headers begin and end. Without origins there are no further headers.
///
/// Returns how many datagrams were read: fewer than there are when the space is full.
#[must_use]
pub fn read_datagrams(
    staged: &[u8],
    marks: &[[u32; 2]],
    origins: &[[u32; 2]],
    maps: &[u8],
    rules: &Rules,
    space: &mut Space<'_>,
) -> usize {
    let extras_of = |origin: u32| {
        let map = origins.get(origin as usize).and_then(|&[from, to]| maps.get(from as usize..to as usize));
        Extras::of(map.unwrap_or_default())
    };
    let mut last = None;
    let mut extras = Extras::default();
    let mut reader = Reader::new(rules, Clock::new(now_ms()));
    let mut at = 0;
    for (index, &[len, origin]) in marks.iter().enumerate() {
        let end = at + len as usize;
        let Some(datagram) = staged.get(at..end) else { return index };
        if last != Some(origin) {
            last = Some(origin);
            extras = extras_of(origin);
        }
        if !reader.datagram(datagram, &extras, space) {
            return index;
        }
        at = end;
    }
    marks.len()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Turns messages into events.
struct Reader<'a> {
    rules: &'a Rules,
    clock: Clock<'a>,
    writer: Writer,
}

impl<'a> Reader<'a> {
    fn new(rules: &'a Rules, clock: Clock<'a>) -> Self {
        Self { rules, clock, writer: Writer::new(rules.keep) }
    }

    fn stream(&mut self, tail: &[u8], data: &[u8], left: usize, extras: &Extras<'_>, space: &mut Space<'_>) -> Read {
        let mut read = Read { left, ..Read::default() };
        if !tail.is_empty() {
            let Some(piece) = framing::piece(tail, data, left, self.rules) else { return read };
            let taken = piece.end.saturating_sub(tail.len());
            let joined = [tail, &data[..taken]].concat();
            if !self.message(&joined, &piece, extras, space) {
                return Read { full: true, ..read };
            }
            read = Read { consumed: taken, left: piece.left, full: false };
        }
        loop {
            if read.left == 0 {
                read.consumed += data[read.consumed..].iter().take_while(|&&byte| byte == b'\n').count();
            }
            let rest = &data[read.consumed..];
            let Some(piece) = framing::piece(&[], rest, read.left, self.rules) else { return read };
            if !self.message(rest, &piece, extras, space) {
                return Read { full: true, ..read };
            }
            read.consumed += piece.end;
            read.left = piece.left;
        }
    }

    /// Makes an event of one piece of a stream; says no when it does not fit.
    #[inline]
    fn message(&mut self, bytes: &[u8], piece: &Piece, extras: &Extras<'_>, space: &mut Space<'_>) -> bool {
        let content = &bytes[piece.start..piece.start + piece.len];
        // What a frame or a cut has left of a message may be no more than its line end.
        if content.is_empty() {
            return true;
        }
        let event = self.parse(content, piece.counted, piece.incomplete);
        self.writer.write(&event, extras, space)
    }

    fn datagram(&mut self, datagram: &[u8], extras: &Extras<'_>, space: &mut Space<'_>) -> bool {
        let content = framing::datagram(datagram, self.rules.parser);
        if self.rules.parser == Parser::Plain {
            return self.writer.write(&Event::plain(content), extras, space);
        }
        if content.is_empty() {
            return true;
        }
        let event = self.parse(content, false, false);
        self.writer.write(&event, extras, space)
    }

    #[inline]
    fn parse<'m>(&mut self, content: &'m [u8], counted: bool, incomplete: bool) -> Event<'m> {
        match self.rules.parser {
            Parser::Classic => classic::parse(content, counted, incomplete, &mut self.clock),
            Parser::Multiport => multiport::parse(content, incomplete, self.rules.charset, &mut self.clock),
            Parser::Plain => Event::plain(content),
        }
    }
}
