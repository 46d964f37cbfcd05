//! Room for events that are written.

use super::{
    run::{Entry, Run},
    varint,
};
use crate::{Error, Result, Shortage};

const NO_ROOM: Error = Error::Full(Shortage::Block);

/// Free bytes and free entries of a block, filled event by event or run by run.
///
/// ```text
///  events   ├ written ┤…… free ……│          table  │…… free ……├ written ┤
///           base                                               the first event's entry is the last
/// ```
///
/// What does not fit is refused whole: a half-written event never counts.
#[derive(Debug)]
pub struct Space<'a> {
    events: &'a mut [u8],
    table: &'a mut [Entry],
    base: u32,
    written: Size,
}

/// A number of events, and of the bytes they take without their entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// How many events.
    pub events: usize,
    /// How many bytes.
    pub bytes: usize,
}

impl<'a> Space<'a> {
    /// Takes free bytes that begin at offset `base` of their block, and free entries, of which the last in memory is written
    /// first. Bytes beyond the 4 GiB that offsets can name are left alone.
    #[must_use]
    pub fn new(events: &'a mut [u8], table: &'a mut [Entry], base: u32) -> Self {
        let usable = events.len().min((u32::MAX - base) as usize);
        Self { events: &mut events[..usable], table, base, written: Size::default() }
    }

    /// What has been written.
    #[must_use]
    pub const fn written(&self) -> Size {
        self.written
    }

    /// What can still be written.
    #[must_use]
    pub const fn room(&self) -> Size {
        Size { events: self.table.len() - self.written.events, bytes: self.events.len() - self.written.bytes }
    }

    /// What has been written, to read.
    #[must_use]
    pub fn run(&self) -> Run<'_> {
        Run::trusted(&self.events[..self.written.bytes], &self.table[self.room().events..], self.base)
    }

    /// Writes one event; `headers` is a canonical map.
    ///
    /// # Errors
    /// `Full` when it does not fit.
    #[inline]
    pub fn push(&mut self, headers: &[u8], body: &[u8]) -> Result<()> {
        self.push_parts(&[headers], body)
    }

    /// As [`Space::push`], of a map in pieces.
    #[inline]
    pub(crate) fn push_parts(&mut self, headers: &[&[u8]], body: &[u8]) -> Result<()> {
        let headers_len: usize = headers.iter().map(|part| part.len()).sum();
        let mut event = self.push_event(headers_len, body)?;
        for part in headers {
            let (target, rest) = event.split_at_mut(part.len());
            target.copy_from_slice(part);
            event = rest;
        }
        Ok(())
    }

    /// Writes the body of one event and its length, and leaves the map of `headers_len` bytes to the caller.
    #[inline]
    pub(crate) fn push_event(&mut self, headers_len: usize, body: &[u8]) -> Result<&mut [u8]> {
        let body_at = headers_len + varint::width(body.len());
        let event = self.grow(body_at + body.len(), body_at)?;
        let (head, target) = event.split_at_mut(body_at);
        target.copy_from_slice(body);
        let (headers, length) = head.split_at_mut(headers_len);
        varint::write(length, body.len());
        Ok(headers)
    }

    /// Copies one encoded event that is canonical, with its body at `body_at` of it.
    #[inline]
    pub(crate) fn push_encoded(&mut self, encoded: &[u8], body_at: usize) -> Result<()> {
        self.grow(encoded.len(), body_at)?.copy_from_slice(encoded);
        Ok(())
    }

    /// Copies all events of a run.
    ///
    /// # Errors
    /// `Full` when they do not all fit; then none was written.
    pub fn push_run(&mut self, run: &Run<'_>) -> Result<()> {
        let room = self.room();
        if run.len() > room.events || run.byte_len() > room.bytes {
            return Err(NO_ROOM);
        }
        let bytes = self.written.bytes;
        self.events[bytes..bytes + run.byte_len()].copy_from_slice(run.bytes());
        // Modulo 2³², so that one addition moves entries in either direction.
        let shift = (self.base + bytes as u32).wrapping_sub(run.base());
        for (target, entry) in self.table[room.events - run.len()..room.events].iter_mut().zip(run.table()) {
            target.start = entry.start.wrapping_add(shift);
            target.body = entry.body.wrapping_add(shift);
        }
        self.written.events += run.len();
        self.written.bytes += run.byte_len();
        Ok(())
    }

    /// Copies as many events of a run as fit, and returns how many.
    pub(super) fn push_fitting(&mut self, run: &Run<'_>) -> usize {
        let room = self.room();
        let fits = run.slice(0..room.events).fitting(room.bytes);
        match self.push_run(&run.slice(0..fits)) {
            Ok(()) => fits,
            Err(_) => 0,
        }
    }

    /// Takes room for one event of `len` bytes whose body begins at `body_at` of them.
    #[inline]
    fn grow(&mut self, len: usize, body_at: usize) -> Result<&mut [u8]> {
        let room = self.room();
        if room.events == 0 || len > room.bytes {
            return Err(NO_ROOM);
        }
        let start = self.written.bytes;
        let offset = self.base + start as u32;
        self.table[room.events - 1] = Entry { start: offset, body: offset + body_at as u32 };
        self.written.events += 1;
        self.written.bytes += len;
        Ok(&mut self.events[start..start + len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A space of its own, whose block begins somewhere else than the space does.
    const BASE: u32 = 4096;

    fn written(events: &[&[u8]]) -> (Vec<u8>, Vec<Entry>) {
        let (mut bytes, mut table) = (vec![0; 100], vec![Entry::default(); events.len()]);
        let mut space = Space::new(&mut bytes, &mut table, BASE);
        for body in events {
            space.push(&[0], body).unwrap();
        }
        let len = space.written().bytes;
        bytes.truncate(len);
        (bytes, table)
    }

    #[test]
    fn what_was_written_is_a_run() {
        let (bytes, table) = written(&[b"one", b"", b"three"]);
        assert_eq!(bytes, b"\x00\x06one\x00\x00\x00\x0athree");
        let run = Run::new(&bytes, &table, BASE).unwrap();
        let bodies: Vec<_> = run.iter().map(|event| event.body).collect();
        assert_eq!(bodies, [b"one".as_slice(), b"", b"three"]);
        assert!(run.iter().all(|event| event.headers == [0]));
        assert_eq!(table[2], Entry { start: BASE, body: BASE + 2 }, "the first event's entry is the last");
    }

    #[test]
    fn a_copied_run_is_the_same_events_elsewhere() {
        let (bytes, table) = written(&[b"one", b"", b"three"]);
        let run = Run::new(&bytes, &table, BASE).unwrap();
        let (mut bytes, mut table) = (vec![0; 100], vec![Entry::default(); 5]);
        let mut space = Space::new(&mut bytes, &mut table, 8);
        run.slice(1..3).copy_to(&mut space).unwrap();
        run.copy_to(&mut space).unwrap();
        assert_eq!(space.written(), Size { events: 5, bytes: 23 });
        let Size { bytes: len, .. } = space.written();
        let copy = Run::new(&bytes[..len], &table, 8).unwrap();
        let bodies: Vec<_> = copy.iter().map(|event| event.body).collect();
        assert_eq!(bodies, [b"".as_slice(), b"three", b"one", b"", b"three"]);
        assert_eq!(copy.slice(2..5).checksum(), run.checksum());
    }

    #[test]
    fn what_does_not_fit_leaves_no_trace() {
        let (bytes, table) = written(&[b"one", b"two"]);
        let run = Run::new(&bytes, &table, BASE).unwrap();
        for (room, entries) in [(9, 2), (10, 1)] {
            let (mut bytes, mut table) = (vec![7; room], vec![Entry::default(); entries]);
            let mut space = Space::new(&mut bytes, &mut table, 0);
            assert_eq!(space.push_run(&run), Err(NO_ROOM));
            assert_eq!(space.written(), Size::default());
            space.push(&[0], b"one").unwrap();
            assert_eq!(space.push(&[0], b"two"), Err(NO_ROOM));
            assert_eq!(space.run().bytes(), b"\x00\x06one");
            assert_eq!(bytes[5..], vec![7; room - 5]);
        }
    }

    #[test]
    fn a_space_is_filled_to_its_last_byte_and_entry() {
        let (bytes, table) = written(&[b"one", b"two"]);
        let run = Run::new(&bytes, &table, BASE).unwrap();
        let (mut bytes, mut table) = ([0; 10], [Entry::default(); 2]);
        let mut space = Space::new(&mut bytes, &mut table, 0);
        assert_eq!(space.push_fitting(&run), 2);
        assert_eq!(space.room(), Size::default());
        let mut space = Space::new(&mut bytes, &mut table, 0);
        assert_eq!(space.push_run(&run), Ok(()));
        let mut space = Space::new(&mut bytes, &mut table, 0);
        space.push(&[0], b"one").unwrap();
        space.push(&[0], b"two").unwrap();
        assert_eq!(space.push_fitting(&run), 0);
    }
}
