//! Reading a segment record by record, and the verdict on bytes that are none.
#![forbid(unsafe_code)]

#[cfg(all(test, not(loom)))]
mod tests;

use std::{
    io,
    ops::{Deref, Range},
};

use super::{
    Position, StorageFile,
    layout::{RECORD_ALIGN, RECORD_HEADER_LEN, RecordHeader, checksum},
};
use crate::defect::Defect;

/// Bytes that are read at once, unless a record is larger.
const SLAB: usize = 1 << 20;
const ALIGN: u64 = RECORD_ALIGN as u64;

/// What is known of a segment's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// It ends here: all of it was durable once, so that whatever does not verify is damage.
    Stated(u32),
    /// It ends with the first record that does not verify and was not durable. Up to here it was, and further if a later record says so.
    Open(u32),
}

/// What stands at a place of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// A record that verifies.
    Record(Record<'a>),
    /// Bytes that were durable once, and do not verify any more.
    Damage(Damage),
    /// The end, and again the next time.
    End(u32),
}

/// A record that verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Where it stands.
    pub offset: u32,
    /// Its header.
    pub header: RecordHeader,
    /// What it carries; from a multiple of 8 in memory when `offset` is one.
    pub payload: &'a [u8],
}

/// Bytes that cannot be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The first byte of what should be a record.
    pub from: u32,
    /// Where reading goes on.
    pub to: u32,
    /// The record's header, when only the payload is bad.
    pub header: Option<RecordHeader>,
}

/// Goes through a segment from a record on. Memory is one megabyte, or the largest record's size.
#[derive(Debug)]
pub struct Scan<P> {
    file: P,
    log_id: u64,
    segment: u64,
    at: u64,
    extent: Extent,
    /// Behind the last byte that may be read.
    limit: u64,
    /// Whether `extent` has what later records say.
    asked: bool,
    slab: Slab,
}

impl<P: Deref<Target: StorageFile>> Scan<P> {
    /// Begins at a record, or where one should be. The memory of an earlier scan is used again.
    ///
    /// # Errors
    /// Whatever the operating system said.
    pub fn new(file: P, log_id: u64, from: Position, extent: Extent, slab: Slab) -> io::Result<Self> {
        let at = u64::from(from.offset);
        let slab = Slab { filled: 0, verified: None, ..slab };
        let mut scan = Self { file, log_id, segment: from.segment, at, extent, limit: 0, asked: false, slab };
        scan.set_extent(extent)?;
        Ok(scan)
    }

    /// Gives the memory to a later scan.
    #[must_use]
    pub fn into_slab(self) -> Slab {
        self.slab
    }

    /// Says that the segment has grown to this end, to go on there.
    ///
    /// # Errors
    /// Whatever the operating system said.
    pub fn extend(&mut self, end: u32) -> io::Result<()> {
        self.set_extent(Extent::Stated(end))
    }

    fn set_extent(&mut self, extent: Extent) -> io::Result<()> {
        let len = self.file.len()?.min(u32::MAX.into());
        self.limit = match extent {
            Extent::Stated(end) => len.min(end.into()),
            Extent::Open(_) => len,
        };
        (self.extent, self.asked) = (extent, false);
        Ok(())
    }

    /// Where [`Scan::next`] looks.
    #[must_use]
    pub const fn offset(&self) -> u32 {
        self.at as u32
    }

    /// Goes back to a record that was found, to have it once more.
    pub const fn back_to(&mut self, record: u32) {
        self.at = record as u64;
    }

    /// What stands next.
    ///
    /// # Errors
    /// Whatever the operating system said. Nothing is skipped then: the next call tries the same again.
    pub fn next(&mut self) -> io::Result<Found<'_>> {
        let offset = self.at;
        if offset >= self.end() {
            return Ok(Found::End(offset as u32));
        }
        let header = self.header(offset)?;
        if let Some(header) = header {
            let len = RECORD_HEADER_LEN + header.payload_len as usize;
            let mut payload = self.slab.load(&*self.file, offset, len, self.limit)?;
            payload.start += RECORD_HEADER_LEN;
            let verified = self.slab.verified == Some(offset) || Defect::TornBelieved.is_made();
            if verified || checksum(&self.slab.bytes()[payload.clone()]) == header.payload_crc {
                self.slab.verified = Some(offset);
                self.at = header.next(offset as u32).min(self.end());
                let payload = &self.slab.bytes()[payload];
                return Ok(Found::Record(Record { offset: offset as u32, header, payload }));
            }
        }
        if !self.was_durable(offset)? {
            self.limit = offset;
            return Ok(Found::End(offset as u32));
        }
        self.at = match header {
            Some(header) => header.next(offset as u32).min(self.end()),
            None => self.find(offset + ALIGN)?.map_or(self.known(), |(at, _)| at),
        };
        Ok(Found::Damage(Damage { from: offset as u32, to: self.at as u32, header }))
    }

    /// The next place, in steps of 8, where a header verifies. Reading goes on from where it was.
    ///
    /// # Errors
    /// Whatever the operating system said.
    pub fn find(&mut self, from: u64) -> io::Result<Option<(u64, RecordHeader)>> {
        let mut at = from;
        while at + RECORD_HEADER_LEN as u64 <= self.limit {
            let start = self.slab.load(&*self.file, at, RECORD_HEADER_LEN, self.limit)?.start;
            let window = &self.slab.bytes()[start..self.slab.filled];
            let places = (window.len() - RECORD_HEADER_LEN) / RECORD_ALIGN as usize + 1;
            let mut words = window.chunks_exact(RECORD_ALIGN as usize).take(places);
            let skipped = words.position(RecordHeader::may_begin_with).unwrap_or(places);
            at += skipped as u64 * ALIGN;
            if skipped < places {
                if let Some(header) = self.header(at)? {
                    return Ok(Some((at, header)));
                }
                at += ALIGN;
            }
        }
        Ok(None)
    }

    fn end(&self) -> u64 {
        match self.extent {
            Extent::Stated(end) => end.into(),
            Extent::Open(_) => self.limit,
        }
    }

    /// Up to here everything was durable.
    fn known(&self) -> u64 {
        let (Extent::Stated(known) | Extent::Open(known)) = self.extent;
        known.into()
    }

    /// The header here, if it verifies and its record fits what may be read.
    fn header(&mut self, at: u64) -> io::Result<Option<RecordHeader>> {
        if at + RECORD_HEADER_LEN as u64 > self.limit {
            return Ok(None);
        }
        let bytes = self.slab.load(&*self.file, at, RECORD_HEADER_LEN, self.limit)?;
        let bytes = &self.slab.bytes()[bytes];
        let place = Position { segment: self.segment, offset: at as u32 };
        Ok(RecordHeader::decode(bytes, self.log_id, place).filter(|header| header.end(place.offset) <= self.limit))
    }

    /// Whether this place was durable once: somebody behind it says so, as nothing is written behind what could still be lost.
    fn was_durable(&mut self, offset: u64) -> io::Result<bool> {
        let Extent::Open(mut known) = self.extent else { return Ok(true) };
        if offset >= known.into() && !self.asked {
            let mut from = offset + ALIGN;
            while let Some((at, header)) = self.find(from)? {
                if header.durable.segment == self.segment {
                    known = known.max(header.durable.offset);
                }
                from = header.next(at as u32);
            }
            // Those further behind say no less, so that this holds for every later place too.
            (self.extent, self.asked) = (Extent::Open(known), true);
        }
        Ok(offset < known.into())
    }
}

/// A window into a file.
#[derive(Debug, Default)]
pub struct Slab {
    /// In words, so that tables are aligned.
    words: Vec<u64>,
    from: u64,
    filled: usize,
    /// The record in it whose checksum was compared last.
    verified: Option<u64>,
}

impl Slab {
    /// Makes sure of `len` bytes at `at`, which end before `limit`, and says where in [`Slab::bytes`] they are. More is read ahead, but never
    /// from `limit` on.
    fn load<F: StorageFile + ?Sized>(&mut self, file: &F, at: u64, len: usize, limit: u64) -> io::Result<Range<usize>> {
        let window = self.from..=self.from + self.filled as u64;
        let skip = if window.contains(&at) { (at - self.from) as usize } else { self.filled };
        if self.filled - skip >= len && window.contains(&at) {
            return Ok(skip..skip + len);
        }
        let kept = self.filled - skip;
        self.bytes_mut().copy_within(skip..skip + kept, 0);
        let wanted = len.max(SLAB).min((limit - at) as usize);
        self.words.resize(wanted.div_ceil(8), 0);
        self.words.shrink_to(SLAB / 8);
        // Where reading fails, the window is empty.
        (self.from, self.filled, self.verified) = (at, 0, None);
        file.read_at(at + kept as u64, &mut self.bytes_mut()[kept..wanted])?;
        self.filled = wanted;
        Ok(0..len)
    }

    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words)
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.words)
    }
}
