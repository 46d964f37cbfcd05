//! Reading what may be cut anywhere.

use crate::batch::varint;

/// Why a unit could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is cut; it has at least so many bytes.
    More(usize),
    /// It is wrong at an offset.
    Wrong {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
}

impl Stop {
    /// The same, of a unit that begins `bytes` earlier.
    pub(super) const fn behind(self, bytes: usize) -> Self {
        match self {
            Self::More(needed) => Self::More(needed.saturating_add(bytes)),
            Self::Wrong { what, at } => Self::Wrong { what, at: at + bytes },
        }
    }
}

pub(super) type Read<T> = Result<T, Stop>;

/// Reads on in bytes that may be cut. What reaches further than the request can is refused at once, however much is still to come.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub(super) input: &'a [u8],
    pub(super) at: usize,
    reach: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at the front of `input`, of which the request has at most `reach` bytes, most of them perhaps still to come.
    #[inline]
    pub(super) const fn new(input: &'a [u8], reach: usize) -> Self {
        Self { input, at: 0, reach }
    }

    /// What is wrong at the next byte.
    pub(super) const fn wrong(&self, what: &'static str) -> Stop {
        Stop::Wrong { what, at: self.at }
    }

    /// Takes a number for the length of what follows, or for the count of things that have at least a byte each.
    #[inline]
    pub(super) fn believe(&self, length: u64) -> Read<usize> {
        match usize::try_from(length) {
            Ok(length) if length <= self.reach.saturating_sub(self.at) => Ok(length),
            _ => Err(self.wrong("a length reaches beyond what a request can have")),
        }
    }

    #[inline]
    pub(super) fn bytes(&mut self, length: usize) -> Read<&'a [u8]> {
        let bytes = self.input[self.at..].get(..length).ok_or(Stop::More(self.at.saturating_add(length)))?;
        self.at += length;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let bytes = self.input[self.at..].first_chunk().ok_or(Stop::More(self.at + N))?;
        self.at += N;
        Ok(*bytes)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Read<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Avro's `long`, which is Thrift's zig-zag varint too.
    #[inline]
    pub(super) fn long(&mut self) -> Read<i64> {
        match varint::read_started(self.input, self.at) {
            Ok(Some((number, next))) => {
                self.at = next;
                Ok(number)
            }
            Ok(None) => Err(Stop::More(self.input.len() + 1)),
            Err(what) => Err(self.wrong(what)),
        }
    }

    /// Thrift's unsigned varint.
    #[inline]
    pub(super) fn varint(&mut self) -> Read<u64> {
        if let Some(&byte) = self.input.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(u64::from(byte));
        }
        // The same bits as those of a zig-zag number.
        let number = self.long()?;
        Ok(((number << 1) ^ (number >> 63)).cast_unsigned())
    }

    /// Bytes with their length as Avro's `long` in front.
    pub(super) fn text(&mut self) -> Read<&'a [u8]> {
        let length = self.long()?;
        let length = u64::try_from(length).map_err(|_| self.wrong("a length is negative"))?;
        self.believe(length).and_then(|length| self.bytes(length))
    }
}
