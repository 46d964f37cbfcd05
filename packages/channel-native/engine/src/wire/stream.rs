//! Messages out of a stream of bytes that comes in pieces, whatever they are cut by.

use super::{
    Outcome, Progress, Request,
    cursor::{Read, Stop},
};
use crate::{Error, Result, batch::Space};

/// The most bytes of what stands in front of the events.
const HEAD_BYTES_MAX: usize = 1 << 20;
/// So many bytes are added to the carry even if fewer are known to be needed: what is too much goes back.
const EXTRA_BYTES: usize = 1024;
/// Memory for the carry that a connection keeps between requests.
const CARRY_KEPT_BYTES: usize = 4096;

/// What a codec did with the bytes it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done with so many.
    Took(usize),
    /// The space has no room for the event that is the first so many bytes.
    Full(usize),
}

/// Reads the content of messages, unit by unit. A unit is whatever is only looked at when it is there as a whole; one that is cut is shown again, from
/// its first byte, when there is more of it.
pub(super) trait Codec: Default {
    /// Whether a frame has a serial, and its content in several buffers; else it is one length and the content.
    const BUFFERS: bool;

    /// Takes a unit, or several, from the front of `input`. The message has at most `reach` bytes from there on.
    fn step(&mut self, input: &[u8], reach: usize, request: &mut Request, space: &mut Space<'_>) -> Read<Step>;

    /// Whether the head of the message is still being read.
    fn in_head(&self) -> bool;

    /// Whether the message may end here.
    fn may_end(&self) -> bool;

    /// Begins another message.
    fn begin(&mut self);
}

/// Which integer of a frame comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Border {
    Serial,
    Count,
    Length,
}

/// A connection's stream.
///
/// ```text
/// piece:   …│ content │ length │ content … │ length │ con│…
///            ╰─units─────carry────────╯ ╰──carry────────────▶ the next piece
/// ```
pub(super) struct Stream<C> {
    pub(super) codec: C,
    pub(super) request: Request,
    bytes_max: usize,
    border: Border,
    /// The bytes of an integer of a frame that is cut.
    cut: ([u8; 4], usize),
    /// Buffers that have not begun, and bytes of the one that has.
    buffers: usize,
    open: usize,
    /// Bytes of the message on the wire, and of its content those in front of the unit that is read.
    taken: usize,
    content: usize,
    /// A unit that is cut, from its first byte, and how many bytes it needs to be looked at again.
    carry: Vec<u8>,
    needed: usize,
    /// The carry is a whole event that waits for space.
    waiting: bool,
}

impl<C: Codec> Stream<C> {
    pub(super) fn new(bytes_max: usize) -> Self {
        let mut stream = Self {
            codec: C::default(),
            request: Request::default(),
            bytes_max,
            border: Border::Serial,
            cut: ([0; 4], 0),
            buffers: 0,
            open: 0,
            taken: 0,
            content: 0,
            carry: Vec::new(),
            needed: 0,
            waiting: false,
        };
        stream.begin();
        stream
    }

    /// Bytes of the message so far.
    pub(super) const fn taken(&self) -> usize {
        self.taken + self.cut.1
    }

    /// Bytes of memory that it holds.
    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        self.carry.capacity()
    }

    /// Reads on in `piece` from offset `from`, up to the end of a message, of the piece or of the space.
    pub(super) fn read(&mut self, piece: &[u8], from: usize, space: &mut Space<'_>) -> Result<Progress> {
        let mut at = from;
        let outcome = loop {
            if self.waiting && !self.retry(space)? {
                break Outcome::Full { needed: self.carry.len() };
            }
            if self.open > 0 {
                let window = &piece[at..piece.len().min(at + self.open)];
                if window.is_empty() {
                    break Outcome::Unfinished;
                }
                let taken = self.feed(window, space)?;
                at += taken;
                self.open -= taken;
                self.taken += taken;
            } else if self.border == Border::Length && self.buffers == 0 {
                self.end()?;
                break Outcome::Whole;
            } else {
                let Some(number) = self.integer(piece, &mut at) else {
                    break Outcome::Unfinished;
                };
                self.cross(number)?;
            }
        };
        Ok(Progress { outcome, consumed: at })
    }

    /// An integer of a frame.
    #[inline]
    fn integer(&mut self, piece: &[u8], at: &mut usize) -> Option<usize> {
        let (bytes, have) = &mut self.cut;
        if *have == 0
            && let Some(whole) = piece[*at..].first_chunk()
        {
            *at += whole.len();
            return Some(u32::from_be_bytes(*whole) as usize);
        }
        while *have < bytes.len() {
            bytes[*have] = *piece.get(*at)?;
            *have += 1;
            *at += 1;
        }
        *have = 0;
        Some(u32::from_be_bytes(*bytes) as usize)
    }

    /// What an integer of a frame means.
    #[inline]
    fn cross(&mut self, number: usize) -> Result<()> {
        if self.taken == 0 {
            self.request = Request::default();
        }
        self.taken += size_of::<u32>();
        let rest = self.bytes_max.saturating_sub(self.taken);
        match self.border {
            Border::Serial => {
                self.request.serial = number as u32;
                self.border = Border::Count;
            }
            Border::Count if number > rest / size_of::<u32>() => {
                return Err(self.wrong("a request is said to have more buffers than it may have bytes"));
            }
            Border::Count => {
                self.buffers = number;
                self.border = Border::Length;
            }
            Border::Length if number > rest => {
                return Err(self.wrong("a request is said to have more bytes than it may have"));
            }
            Border::Length if number == 0 && !C::BUFFERS => {
                return Err(self.wrong("a frame of 0 bytes is no request"));
            }
            Border::Length => {
                self.buffers -= 1;
                self.open = number;
            }
        }
        Ok(())
    }

    /// Shows the codec some content, and answers how much of it is done with; all, unless the space is full.
    fn feed(&mut self, window: &[u8], space: &mut Space<'_>) -> Result<usize> {
        let mut at = 0;
        while at < window.len() && !self.waiting {
            let rest = &window[at..];
            at += if self.carry.is_empty() {
                self.feed_whole(rest, at, space)?
            } else {
                self.feed_carry(rest, at, space)?
            };
        }
        Ok(at)
    }

    /// `fed` bytes of the open buffer were done with before.
    #[inline]
    fn feed_whole(&mut self, rest: &[u8], fed: usize, space: &mut Space<'_>) -> Result<usize> {
        let reach = self.reach(fed);
        match self.codec.step(rest, reach, &mut self.request, space) {
            Ok(Step::Took(taken)) => {
                self.content += taken;
                Ok(taken)
            }
            Ok(Step::Full(length)) => {
                self.carry.extend_from_slice(&rest[..length]);
                self.waiting = true;
                Ok(length)
            }
            Err(stop) => {
                self.needed = self.more(stop)?;
                self.carry.extend_from_slice(rest);
                Ok(rest.len())
            }
        }
    }

    #[inline]
    fn feed_carry(&mut self, rest: &[u8], fed: usize, space: &mut Space<'_>) -> Result<usize> {
        let reach = self.reach(fed);
        let before = self.carry.len();
        let added = rest.len().min((self.needed - before).max(EXTRA_BYTES));
        self.carry.extend_from_slice(&rest[..added]);
        if self.carry.len() < self.needed {
            return Ok(added);
        }
        match self.codec.step(&self.carry, reach, &mut self.request, space) {
            Ok(Step::Took(taken)) => {
                self.content += taken;
                self.carry.clear();
                Ok(taken - before)
            }
            Ok(Step::Full(length)) => {
                self.carry.truncate(length);
                self.waiting = true;
                Ok(length - before)
            }
            Err(stop) => {
                self.needed = self.more(stop)?;
                Ok(added)
            }
        }
    }

    /// Tries again to write the event that waits; false when there is still no room.
    fn retry(&mut self, space: &mut Space<'_>) -> Result<bool> {
        let reach = self.carry.len();
        match self.codec.step(&self.carry, reach, &mut self.request, space) {
            Ok(Step::Took(taken)) => {
                self.content += taken;
                self.carry.clear();
                self.waiting = false;
                Ok(true)
            }
            Ok(Step::Full(_)) => Ok(false),
            Err(stop) => self.more(stop).map(|_| false),
        }
    }

    /// How many bytes the message can have from the first byte of the unit on.
    #[inline]
    fn reach(&self, fed: usize) -> usize {
        // The last buffer says exactly how much is to come.
        let to_come = if self.buffers == 0 { self.open - fed } else { self.bytes_max.saturating_sub(self.taken + fed) };
        let reach = self.carry.len() + to_come;
        if self.codec.in_head() { reach.min(HEAD_BYTES_MAX.saturating_sub(self.content)) } else { reach }
    }

    /// How many bytes a unit needs that is cut.
    fn more(&self, stop: Stop) -> Result<usize> {
        match stop {
            Stop::More(needed) => Ok(needed),
            Stop::Wrong { what, at } => Err(Error::InvalidRequest { what, offset: self.content + at }),
        }
    }

    fn end(&mut self) -> Result<()> {
        if !self.carry.is_empty() || !self.codec.may_end() {
            return Err(self.wrong("a request ends in the middle"));
        }
        self.request.bytes = self.taken;
        self.begin();
        Ok(())
    }

    fn begin(&mut self) {
        self.codec.begin();
        (self.border, self.buffers) = if C::BUFFERS { (Border::Serial, 0) } else { (Border::Length, 1) };
        self.taken = 0;
        self.content = 0;
        if self.carry.capacity() > CARRY_KEPT_BYTES {
            self.carry = Vec::new();
        }
    }

    const fn wrong(&self, what: &'static str) -> Error {
        Error::InvalidRequest { what, offset: self.content + self.carry.len() }
    }
}
