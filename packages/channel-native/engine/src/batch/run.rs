//! Events that are read.

use std::ops::Range;

use bytemuck::{Pod, Zeroable};

use super::{
    space::Space,
    varint::{invalid, width},
};
use crate::Result;

const _: () = assert!(cfg!(target_endian = "little"), "blocks are little-endian");

/// Where one event stands: offsets from the start of its block.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct Entry {
    /// The event's first byte.
    pub start: u32,
    /// The first byte of its body.
    pub body: u32,
}

/// One event of a [`Run`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The encoded header map; [`super::headers::headers`] reads it.
    pub headers: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

/// Events that follow each other in one block. Copying a run copies no event.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    events: &'a [u8],
    table: &'a [Entry],
    base: u32,
}

impl<'a> Run<'a> {
    /// Joins bytes and entries that belong together: `events` are the bytes of this run alone, the first of them at offset `base`
    /// of the block; `table` are its entries alone, as they lie in memory, the last event's first.
    ///
    /// Costs about a nanosecond per event, and makes every reading method total.
    ///
    /// # Errors
    /// `InvalidBatch` when the entries are not in order, or reach outside `events`.
    pub fn new(events: &'a [u8], table: &'a [Entry], base: u32) -> Result<Self> {
        let run = Self { events, table, base };
        let Some(mut end) = u32::try_from(events.len()).ok().and_then(|len| base.checked_add(len)) else {
            return Err(invalid("a run reaches beyond 4 GiB", base as usize));
        };
        for entry in table {
            // The smallest event is an empty map and a length, both in front of the body.
            let body_min = |body| u64::from(entry.start) + 1 + width(body) as u64;
            if entry.body > end || u64::from(entry.body) < body_min((end - entry.body) as usize) {
                return Err(invalid("an entry of the table is out of order", entry.start as usize));
            }
            end = entry.start;
        }
        if end != base {
            return Err(invalid("the first event is not where the run begins", base as usize));
        }
        Ok(run)
    }

    /// As [`Run::new`], trusting that this engine wrote the entries for these very bytes. Where that is wrong, reading panics or
    /// shows other bytes of `events`; it never reaches outside of them.
    #[must_use]
    pub const fn trusted(events: &'a [u8], table: &'a [Entry], base: u32) -> Self {
        Self { events, table, base }
    }

    /// How many events there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many bytes the events take, without their entries.
    #[must_use]
    pub const fn byte_len(&self) -> usize {
        self.events.len()
    }

    /// The encoded events, one after the other: what the Avro hop carries as the items of one array block.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.events
    }

    /// The entries as they lie in memory, the last event's first.
    #[must_use]
    pub const fn table(&self) -> &'a [Entry] {
        self.table
    }

    /// The offset in the block of the first event's first byte.
    #[must_use]
    pub const fn base(&self) -> u32 {
        self.base
    }

    /// One event; none when there are not so many.
    #[must_use]
    pub fn event(&self, index: usize) -> Option<Event<'a>> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The events in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Event<'a>> + DoubleEndedIterator + use<'a> {
        let run = *self;
        (0..run.len()).map(move |index| run.at(index))
    }

    /// Flume's byte slots: ⌈body / unit⌉ for each event, and one for an empty body.
    #[must_use]
    #[inline]
    pub fn slots(&self, unit: u32) -> u64 {
        let unit = unit.max(1);
        let mut end = self.base + self.events.len() as u32;
        let mut slots = 0;
        for entry in self.table {
            slots += u64::from((end - entry.body).div_ceil(unit).max(1));
            end = entry.start;
        }
        slots
    }

    /// The events from `range.start` up to `range.end`, or as many of them as there are. No byte moves.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.len());
        let start = range.start.min(end);
        let bytes = self.offset(start)..self.offset(end);
        let base = self.base + bytes.start as u32;
        Self { events: &self.events[bytes], table: &self.table[self.len() - end..self.len() - start], base }
    }

    /// How many events, from the first on, have at most so many bytes together.
    #[must_use]
    pub fn fitting(&self, bytes: usize) -> usize {
        let (mut fits, mut beyond) = (0, self.len() + 1);
        while fits + 1 < beyond {
            let middle = usize::midpoint(fits, beyond);
            if self.offset(middle) <= bytes {
                fits = middle;
            } else {
                beyond = middle;
            }
        }
        fits
    }

    /// The sum, modulo 2³², of the CRC-32C of every body: the same in whatever batches and order the events come.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        let crc = |body| crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, body) as u32;
        self.iter().fold(0, |sum, event| sum.wrapping_add(crc(event.body)))
    }

    /// Copies all events: one copy of the bytes, one addition to each entry.
    ///
    /// # Errors
    /// `Full` when they do not all fit; then none was written.
    pub fn copy_to(&self, space: &mut Space<'_>) -> Result<()> {
        space.push_run(self)
    }

    /// Where in `events` an event starts, or where the last one ends.
    pub(super) fn offset(&self, index: usize) -> usize {
        match self.len() - index {
            0 => self.events.len(),
            left => (self.table[left - 1].start - self.base) as usize,
        }
    }

    /// The bytes of one event that exists, whole.
    pub(super) fn encoded(&self, index: usize) -> &'a [u8] {
        &self.events[self.offset(index)..self.offset(index + 1)]
    }

    fn at(&self, index: usize) -> Event<'a> {
        let event = self.encoded(index);
        let entry = self.table[self.len() - 1 - index];
        let (head, body) = event.split_at((entry.body - entry.start) as usize);
        Event { headers: &head[..head.len() - width(body.len())], body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two events, `one` and `two`, at offset 16 of a block.
    const EVENTS: &[u8] = b"\x00\x06one\x00\x06two";
    const TABLE: [Entry; 2] = [Entry { start: 21, body: 23 }, Entry { start: 16, body: 18 }];

    #[test]
    fn entries_that_do_not_fit_the_bytes_are_refused() {
        assert!(Run::new(EVENTS, &TABLE, 16).is_ok());
        assert!(Run::new(&[], &[], 16).is_ok());
        let [last, first] = TABLE;
        let lies: [&[Entry]; 7] = [
            &[],
            &[last],
            &[first, last],
            &[Entry { body: 27, ..last }, first],
            &[Entry { body: 22, ..last }, first],
            &[Entry { start: u32::MAX, ..last }, first],
            &[last, Entry { start: 15, ..first }],
        ];
        for table in lies {
            assert!(Run::new(EVENTS, table, 16).is_err(), "{table:?}");
        }
        assert!(Run::new(EVENTS, &TABLE, 15).is_err());
        assert!(Run::new(EVENTS, &TABLE, u32::MAX - 8).is_err());
    }

    #[test]
    fn what_is_not_there_is_not_shown() {
        let run = Run::new(EVENTS, &TABLE, 16).unwrap();
        assert_eq!(run.event(1).map(|event| event.body), Some(b"two".as_slice()));
        assert_eq!(run.event(2), None);
        assert_eq!(run.slice(1..9).len(), 1);
        assert_eq!(run.slice(5..9).byte_len(), 0);
        #[expect(clippy::reversed_empty_ranges, reason = "JavaScript may ask for it")]
        let backwards = run.slice(2..1);
        assert!(backwards.is_empty());
    }

    #[test]
    fn slots_are_counted_as_flume_does() {
        let (mut bytes, mut table) = (vec![0; 1000], vec![Entry::default(); 5]);
        let mut space = Space::new(&mut bytes, &mut table, 0);
        for len in [0, 1, 100, 101, 250] {
            space.push(&[0], &vec![b'x'; len]).unwrap();
        }
        assert_eq!(space.run().slots(100), 1 + 1 + 1 + 2 + 3);
    }
}
