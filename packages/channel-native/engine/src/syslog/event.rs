//! Writing what was understood of a message as an event.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::Keep;
use crate::batch::{Space, headers, varint};

/// How a message was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Invalid,
    Incomplete,
}

/// What was understood of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    /// Whether Priority and Version are written with capitals.
    pub capitals: bool,
    /// The number of the priority, when there is to be a facility and a severity.
    pub pri: Option<u32>,
    pub priority: &'a [u8],
    pub version: &'a [u8],
    pub timestamp: Option<i64>,
    /// The timestamp as it was sent.
    pub stamp: &'a [u8],
    /// The host for its header.
    pub host: Option<&'a [u8]>,
    /// The host as it was sent.
    pub host_text: &'a [u8],
    /// What the host can be in other than ASCII.
    pub charset: Option<&'static Encoding>,
    /// The text behind the host; nothing when the message was not understood.
    pub text: Option<&'a [u8]>,
    /// Whether bytes of the text that are not UTF-8 are replaced.
    pub replaces: bool,
    pub status: Status,
    /// The message as it was sent.
    pub raw: &'a [u8],
}

impl<'a> Event<'a> {
    /// A message that is not understood at all.
    #[inline]
    pub(super) const fn plain(raw: &'a [u8]) -> Self {
        Self {
            capitals: false,
            pri: None,
            priority: b"",
            version: b"",
            timestamp: None,
            stamp: b"",
            host: None,
            host_text: b"",
            charset: None,
            text: None,
            replaces: false,
            status: Status::Good,
            raw,
        }
    }
}

/// Headers that every event of a connection has, from outside. They win over those of a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    count: u8,
    pairs: &'a [u8],
    /// Bits of the headers of messages that they replace.
    replaced: u8,
}

const FACILITY: u8 = 1;
const SEVERITY: u8 = 1 << 1;
const PRIORITY: u8 = 1 << 2;
const VERSION: u8 = 1 << 3;
const TIMESTAMP: u8 = 1 << 4;
const STATUS: u8 = 1 << 5;
const HOST: u8 = 1 << 6;

/// So many headers from outside have a count of one byte, also with those of the message.
const EXTRAS_MAX: usize = 32;

impl<'a> Extras<'a> {
    /// Takes the headers of a canonical map, or none of one that is too large.
    #[must_use]
    pub fn of(map: &'a [u8]) -> Self {
        let [first, pairs @ .., 0] = map else { return Self::default() };
        if usize::from(*first) > 2 * EXTRAS_MAX {
            return Self::default();
        }
        let bit = |name: &str| match name {
            "Facility" => FACILITY,
            "Severity" => SEVERITY,
            "priority" | "Priority" => PRIORITY,
            "version" | "Version" => VERSION,
            "timestamp" => TIMESTAMP,
            "flume.syslog.status" => STATUS,
            "host" => HOST,
            _ => 0,
        };
        let replaced = headers(map).fold(0, |bits, (name, _)| bits | bit(name));
        Self { count: first >> 1, pairs, replaced }
    }
}

/// Writes events, all of them by the same rules.
pub(super) struct Writer {
    keep: Keep,
    /// For bodies that are put together.
    body: Vec<u8>,
}

impl Writer {
    pub(super) const fn new(keep: Keep) -> Self {
        Self { keep, body: Vec::new() }
    }

    /// Writes an event; says no when it does not fit.
    #[inline]
    pub(super) fn write(&mut self, event: &Event<'_>, extras: &Extras<'_>, space: &mut Space<'_>) -> bool {
        let mut head = Head::new(extras.replaced);
        if let Some(pri) = event.pri {
            head.put(FACILITY, b"\x10Facility", |value| decimal(u64::from(pri / 8), value));
            head.put(SEVERITY, b"\x10Severity", |value| decimal(u64::from(pri % 8), value));
        }
        head.text(PRIORITY, if event.capitals { b"\x10Priority" } else { b"\x10priority" }, event.priority);
        head.text(VERSION, if event.capitals { b"\x0eVersion" } else { b"\x0eversion" }, event.version);
        if let Some(timestamp) = event.timestamp {
            head.put(TIMESTAMP, b"\x12timestamp", |value| signed(timestamp, value));
        }
        match event.status {
            Status::Good => {}
            Status::Invalid => head.text(STATUS, b"\x26flume.syslog.status", b"Invalid"),
            Status::Incomplete => head.text(STATUS, b"\x26flume.syslog.status", b"Incomplete"),
        }
        let host = event.host.filter(|_| head.has_not(HOST)).map(|host| decoded(host, event.charset));
        if let Some(host) = &host {
            head.before_text(b"\x08host", host.len());
        }
        let map = head.map(extras.count);
        let end: &[u8] = if map == [0] { b"" } else { b"\0" };
        let parts = [map, host.as_deref().unwrap_or_default(), extras.pairs, end];
        space.push_parts(&parts, self.body(event)).is_ok()
    }

    #[inline]
    fn body<'e>(&'e mut self, event: &'e Event<'_>) -> &'e [u8] {
        let Some(text) = event.text.filter(|_| !self.keep.all) else { return event.raw };
        let replaced = event.replaces && !text.is_ascii() && str::from_utf8(text).is_err();
        if !replaced && !self.keeps() {
            return if text.is_empty() { event.raw } else { text };
        }
        let body = self.put_together(event, text);
        if body.is_empty() { event.raw } else { body }
    }

    #[cold]
    fn put_together(&mut self, event: &Event<'_>, text: &[u8]) -> &[u8] {
        let Keep { priority, version, timestamp, hostname, .. } = self.keep;
        self.body.clear();
        let mut part = |kept: bool, before: &[u8], part: &[u8], behind: u8| {
            if kept {
                self.body.extend_from_slice(before);
                self.body.extend_from_slice(part);
                self.body.push(behind);
            }
        };
        part(priority, b"<", event.priority, b'>');
        part(version && !event.version.is_empty(), b"", event.version, b' ');
        part(timestamp, b"", event.stamp, b' ');
        part(hostname, b"", event.host_text, b' ');
        if event.replaces {
            self.body.extend_from_slice(String::from_utf8_lossy(text).as_bytes());
        } else {
            self.body.extend_from_slice(text);
        }
        &self.body
    }

    const fn keeps(&self) -> bool {
        self.keep.priority || self.keep.version || self.keep.timestamp || self.keep.hostname
    }
}

#[inline]
fn decoded<'a>(text: &'a [u8], charset: Option<&'static Encoding>) -> Cow<'a, [u8]> {
    match charset {
        Some(charset) if !text.is_ascii() => {
            Cow::Owned(charset.decode_without_bom_handling(text).0.into_owned().into_bytes())
        }
        _ => Cow::Borrowed(text),
    }
}

/// Longer than all headers of a message but the host's text.
const HEAD_MAX: usize = 160;

/// The front of an encoded header map: everything but the text of the host and what follows it.
struct Head {
    bytes: [u8; HEAD_MAX],
    len: usize,
    count: u8,
    replaced: u8,
}

impl Head {
    #[inline]
    const fn new(replaced: u8) -> Self {
        // The first byte is for the count.
        Self { bytes: [0; HEAD_MAX], len: 1, count: 0, replaced }
    }

    #[inline]
    const fn has_not(&self, bit: u8) -> bool {
        self.replaced & bit == 0
    }

    /// Adds a header whose value is text, unless it is empty.
    #[inline]
    fn text<const N: usize>(&mut self, bit: u8, key: &[u8; N], text: &[u8]) {
        if !text.is_empty() {
            self.put(bit, key, |value| {
                value[..text.len()].copy_from_slice(text);
                text.len()
            });
        }
    }

    /// Adds a header; `key` has its length in front, and `write` says how long the value is that it has written: less than 64 bytes.
    #[inline]
    fn put<const N: usize>(&mut self, bit: u8, key: &[u8; N], write: impl FnOnce(&mut [u8]) -> usize) {
        if self.has_not(bit) {
            self.before_text(key, 0);
            let written = write(&mut self.bytes[self.len..]);
            self.bytes[self.len - 1] = written as u8 * 2;
            self.len += written;
        }
    }

    /// Adds a header all but its text.
    #[inline]
    fn before_text<const N: usize>(&mut self, key: &[u8; N], len: usize) {
        self.bytes[self.len..self.len + N].copy_from_slice(key);
        self.len += N;
        self.len += varint::write(&mut self.bytes[self.len..], len);
        self.count += 1;
    }

    /// What was written, with the number of all headers in front.
    #[inline]
    fn map(&mut self, further: u8) -> &[u8] {
        self.bytes[0] = (self.count + further) * 2;
        &self.bytes[..self.len]
    }
}

#[inline]
fn signed(number: i64, target: &mut [u8]) -> usize {
    if number >= 0 {
        return decimal(number.unsigned_abs(), target);
    }
    target[0] = b'-';
    1 + decimal(number.unsigned_abs(), &mut target[1..])
}

/// Writes the digits of a number, and answers how many there are.
#[inline]
fn decimal(number: u64, target: &mut [u8]) -> usize {
    let count = number.checked_ilog10().map_or(1, |log| log as usize + 1);
    let mut rest = number;
    for place in target[..count].iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    count
}
