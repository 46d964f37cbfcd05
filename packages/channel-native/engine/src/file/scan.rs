//! Reading a segment record by record, and the verdict on bytes that are none.
#![forbid(unsafe_code)]

use std::{
    io,
    ops::{Deref, Range},
};

use super::{
    Position, StorageFile,
    layout::{RECORD_ALIGN, RECORD_HEADER_LEN, RecordHeader, checksum},
};

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
    /// The record whose checksum was compared last.
    verified: Option<u64>,
    slab: Slab,
}

impl<P: Deref<Target: StorageFile>> Scan<P> {
    /// Begins at a record, or where one should be. The memory of an earlier scan is used again.
    ///
    /// # Errors
    /// Whatever the operating system said.
    pub fn new(file: P, log_id: u64, from: Position, extent: Extent, slab: Slab) -> io::Result<Self> {
        let at = u64::from(from.offset);
        let slab = Slab { filled: 0, ..slab };
        let mut scan =
            Self { file, log_id, segment: from.segment, at, extent, limit: 0, asked: false, verified: None, slab };
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
    #[expect(clippy::should_implement_trait, reason = "what it returns borrows from it")]
    pub fn next(&mut self) -> io::Result<Found<'_>> {
        let offset = self.at;
        if offset >= self.end() {
            return Ok(Found::End(offset as u32));
        }
        let header = self.header(offset)?;
        if let Some(header) = header {
            let body = offset + RECORD_HEADER_LEN as u64;
            let payload = self.slab.load(&*self.file, body, header.payload_len as usize, self.limit)?;
            if checksum(&self.slab.bytes()[payload.clone()]) == header.payload_crc {
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
            if let Some(header) = self.header(at)? {
                return Ok(Some((at, header)));
            }
            at += ALIGN;
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
        (self.from, self.filled) = (at, 0);
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

#[cfg(test)]
mod tests {
    use super::{
        super::{
            build::{Build, LOG_ID, Work, Written},
            layout::RECORDS_AT,
            sim::{Call, Fault},
        },
        *,
    };

    /// `Ok` is the offset of a record, `Err` from where to where damage goes.
    type Finding = Result<u32, (u32, u32)>;

    /// What a scan of the last segment finds, and the end.
    fn scan(build: &Build, extent: Extent) -> (Vec<Finding>, u32) {
        let file = build.open(build.segment.number);
        let from = Position { segment: build.segment.number, offset: RECORDS_AT };
        let mut scan = Scan::new(&file, LOG_ID, from, extent, Slab::default()).unwrap();
        let mut found = vec![];
        loop {
            match scan.next().unwrap() {
                Found::Record(record) => {
                    assert_eq!(record.payload.as_ptr().align_offset(8), 0);
                    found.push(Ok(record.offset));
                }
                Found::Damage(damage) => found.push(Err((damage.from, damage.to))),
                Found::End(end) => {
                    assert_eq!(scan.next().unwrap(), Found::End(end));
                    return (found, end);
                }
            }
        }
    }

    /// Four groups: of one put, of a put, an acknowledgement and a put, of one put, of one put.
    fn log() -> (Build, Vec<Written>) {
        let mut build = Build::begun(1 << 20);
        build.put(3);
        build.group(&[Work::Put(2), Work::Ack(0..1), Work::Put(4)]);
        build.put(1);
        build.put(2);
        let records = build.records.clone();
        (build, records)
    }

    fn offsets(records: &[Written]) -> Vec<Finding> {
        records.iter().map(|record| Ok(record.at.offset)).collect()
    }

    const OPEN: Extent = Extent::Open(0);

    #[test]
    fn all_records_are_found_and_the_end_behind_them() {
        let (build, records) = log();
        assert_eq!(scan(&build, OPEN), (offsets(&records), build.at));
        assert_eq!(scan(&build, Extent::Stated(build.at)), (offsets(&records), build.at));
        assert_eq!(scan(&build, Extent::Stated(records[4].at.offset)), (offsets(&records[..4]), records[4].at.offset));
    }

    #[test]
    fn a_bad_record_that_nobody_calls_durable_is_the_end() {
        let (build, records) = log();
        let last = records[5].at.offset;
        for inside in [0, 16, 63, 64, 80] {
            let (build, _) = log();
            build.flip(1, last + inside);
            assert_eq!(scan(&build, OPEN), (offsets(&records[..5]), last), "byte {inside}");
        }
        drop(build);
    }

    #[test]
    fn a_group_that_was_not_synced_before_the_next_takes_it_along() {
        let mut build = Build::begun(1 << 20);
        build.put(1);
        build.syncs = false;
        let torn = build.put(1).at.offset;
        build.put(1);
        build.flip(1, torn);
        assert_eq!(scan(&build, OPEN), (offsets(&build.records[..1]), torn));
    }

    #[test]
    fn a_bad_header_before_what_a_later_record_calls_durable_is_damage() {
        let (build, records) = log();
        build.flip(1, records[0].at.offset + 20);
        let damage = Err((records[0].at.offset, records[1].at.offset));
        let expected = [vec![damage], offsets(&records[1..])].concat();
        assert_eq!(scan(&build, OPEN), (expected.clone(), build.at));
        assert_eq!(scan(&build, Extent::Stated(build.at)), (expected, build.at));
    }

    #[test]
    fn behind_a_bad_header_in_a_group_the_rest_of_the_group_is_read() {
        let (build, records) = log();
        build.flip(1, records[1].at.offset + 20);
        let damage = Err((records[1].at.offset, records[2].at.offset));
        assert_eq!(
            scan(&build, OPEN),
            ([offsets(&records[..1]), vec![damage], offsets(&records[2..])].concat(), build.at)
        );
    }

    #[test]
    fn a_bad_payload_costs_its_own_record_and_keeps_the_header() {
        let (build, records) = log();
        let bad = records[3];
        build.flip(1, bad.at.offset + 70);
        let file = build.open(1);
        let mut scan = Scan::new(&file, LOG_ID, bad.at, OPEN, Slab::default()).unwrap();
        let damage = Damage { from: bad.at.offset, to: bad.end, header: Some(bad.header) };
        assert_eq!(scan.next().unwrap(), Found::Damage(damage));
        assert!(matches!(scan.next().unwrap(), Found::Record(record) if record.header == records[4].header));
    }

    #[test]
    fn what_a_checkpoint_calls_durable_is_damage_though_nothing_stands_behind_it() {
        let (build, records) = log();
        let last = records[5].at.offset;
        build.flip(1, last);
        assert_eq!(scan(&build, Extent::Open(last)), (offsets(&records[..5]), last));
        assert_eq!(
            scan(&build, Extent::Open(build.at)),
            ([offsets(&records[..5]), vec![Err((last, build.at))]].concat(), build.at)
        );
    }

    #[test]
    fn bad_bytes_before_a_stated_end_are_damage_up_to_it() {
        let (build, records) = log();
        let last = records[5].at.offset;
        build.flip(1, last);
        assert_eq!(
            scan(&build, Extent::Stated(build.at)),
            ([offsets(&records[..5]), vec![Err((last, build.at))]].concat(), build.at)
        );
    }

    #[test]
    fn what_a_file_that_was_cut_has_lost_is_damage_when_its_end_is_stated() {
        let (build, records) = log();
        let last = records[5];
        build.damage(1, |bytes| bytes.truncate(last.at.offset as usize + 80));
        let (found, end) = scan(&build, Extent::Stated(build.at));
        assert_eq!((found, end), ([offsets(&records[..5]), vec![Err((last.at.offset, build.at))]].concat(), build.at));
        assert_eq!(scan(&build, OPEN), (offsets(&records[..5]), last.at.offset));
        build.damage(1, Vec::clear);
        assert_eq!(scan(&build, Extent::Stated(build.at)), (vec![Err((RECORDS_AT, build.at))], build.at));
        assert_eq!(scan(&build, OPEN), (vec![], RECORDS_AT));
    }

    #[test]
    fn a_record_that_reaches_beyond_the_end_is_none() {
        let (build, records) = log();
        let inside = records[5].at.offset + 72;
        let (found, _) = scan(&build, Extent::Stated(inside));
        assert_eq!(found[5], Err((records[5].at.offset, inside)));
    }

    #[test]
    fn records_larger_than_what_is_read_at_once_are_read_whole() {
        let mut build = Build::begun(8 << 20);
        for events in [1, 9_000, 1, 9_000, 5, 6_000] {
            build.put(events);
        }
        assert!(build.records.iter().any(|record| record.header.payload_len > 1 << 20), "none is so large");
        assert_eq!(scan(&build, OPEN), (offsets(&build.records), build.at));
    }

    #[test]
    fn a_scan_goes_on_where_its_segment_grows() {
        let mut build = Build::begun(1 << 20);
        build.put(1);
        let first = build.at;
        let file = build.open(1);
        let from = build.records[0].at;
        let mut scan = Scan::new(&file, LOG_ID, from, Extent::Stated(first), Slab::default()).unwrap();
        assert!(matches!(scan.next().unwrap(), Found::Record(_)));
        assert_eq!(scan.next().unwrap(), Found::End(first));
        build.put(2);
        scan.extend(build.at).unwrap();
        assert!(
            matches!(scan.next().unwrap(), Found::Record(record) if record.offset == first && record.header.events == 2)
        );
        assert_eq!(scan.next().unwrap(), Found::End(build.at));
    }

    #[test]
    fn after_a_failed_read_the_same_is_tried_again() {
        let (build, records) = log();
        let file = build.open(1);
        let mut scan = Scan::new(&file, LOG_ID, records[0].at, OPEN, Slab::default()).unwrap();
        build.world.fail(Call::Read, 1, Fault::Io);
        scan.next().unwrap_err();
        assert!(matches!(scan.next().unwrap(), Found::Record(record) if record.offset == records[0].at.offset));
    }
}
