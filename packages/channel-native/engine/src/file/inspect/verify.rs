//! Every record of every segment, compared with everything it should agree with.

use std::{
    io, mem,
    ops::Range,
    path::{Path, PathBuf},
};

use super::{
    super::{
        Position, Segment, Storage, StorageFile,
        layout::{Kind, PAGE, RECORDS_AT, RecordHeader, SegmentHeader, ack_ranges, put_parts},
        scan::{Damage, Extent, Found, Record, Scan, Slab},
    },
    Finding, Lane,
};
use crate::batch::{Entry, Run, Space, scan_events};

/// Goes through the directories of a channel, segment by segment.
pub struct Verify<S: Storage> {
    lanes: Vec<Lane<S>>,
    lane: usize,
    /// None before what opening finds in the directory was told.
    segment: Option<usize>,
    slab: Slab,
    scratch: Scratch,
}

/// What was compared in a segment.
#[derive(Debug, Default)]
pub struct Verified {
    /// Bytes that were read.
    pub bytes: u64,
    /// Records that verify.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// How many of them are still queued.
    pub queued: u64,
    /// Bytes of those that are queued.
    pub queued_bytes: u64,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
    /// Whether the operating system refused to read a part.
    pub unread: bool,
    /// Bytes that were a record once and are none any more.
    pub holes: Vec<Hole>,
    /// The ordinals of all events that are not there.
    pub missing: Vec<Range<u64>>,
    /// The segment, if not both copies of its header are as they should be.
    pub headless: Option<u64>,
}

/// Bytes of a segment that cannot be read as records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The segment.
    pub number: u64,
    /// Its first byte.
    pub from: u32,
    /// Where the next record stands.
    pub to: u32,
    /// The ordinals of the events that were there.
    pub missing: Range<u64>,
    /// The sequence of the next put.
    pub sequence: u64,
    /// How many of these events were still queued.
    pub lost: u64,
}

#[derive(Default)]
struct Scratch {
    bytes: Vec<u8>,
    table: Vec<Entry>,
}

/// What is known on the way through a segment.
struct Pass<'a, S: Storage> {
    lane: &'a Lane<S>,
    segment: &'a Segment<S::File>,
    path: PathBuf,
    /// The next ordinal and sequence.
    ordinal: u64,
    sequence: u64,
    /// The damage behind which nothing was read yet.
    open: Option<Hole>,
    verified: Verified,
}

impl<S: Storage> Verify<S> {
    /// Begins with the first segment.
    #[must_use]
    pub fn new(lanes: Vec<Lane<S>>) -> Self {
        Self { lanes, lane: 0, segment: None, slab: Slab::default(), scratch: Scratch::default() }
    }

    /// Bytes that are read in all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let segments = self.lanes.iter().flat_map(|lane| &lane.recovered.segments);
        segments.map(|segment| u64::from(segment.end)).sum()
    }

    /// Gives the directories back.
    #[must_use]
    pub fn into_lanes(self) -> Vec<Lane<S>> {
        self.lanes
    }

    /// Compares the next segment; none is left when there is no answer. Before the first of a directory comes what opening finds there.
    pub fn next_segment(&mut self) -> Option<Verified> {
        let lane = self.lanes.get(self.lane)?;
        let Some(at) = self.segment else {
            self.segment = Some(0);
            return Some(Verified { findings: lane.recovered.findings.clone(), ..Verified::default() });
        };
        let Some(segment) = lane.recovered.segments.get(at) else {
            (self.lane, self.segment) = (self.lane + 1, None);
            return self.next_segment();
        };
        self.segment = Some(at + 1);
        let mut pass = Pass {
            lane,
            segment,
            path: lane.path_of(segment),
            ordinal: segment.first_ordinal,
            sequence: 0,
            open: None,
            verified: Verified { bytes: segment.end.into(), ..Verified::default() },
        };
        let mut at = 0;
        if let Err(error) = pass.run(&mut at, &mut self.slab, &mut self.scratch) {
            pass.find(at, format!("cannot be read: {error}; what stands behind was not compared"), 0);
            pass.verified.unread = true;
        }
        Some(pass.verified)
    }
}

impl<S: Storage> Pass<'_, S> {
    /// Says in `at` how far it came.
    fn run(&mut self, at: &mut u32, slab: &mut Slab, scratch: &mut Scratch) -> io::Result<()> {
        let Segment { number, end, next_ordinal, .. } = *self.segment;
        if end > RECORDS_AT {
            self.header()?;
        }
        let from = Position { segment: number, offset: RECORDS_AT };
        let log_id = self.lane.recovered.log_id.unwrap_or_default();
        let mut scan = Scan::new(&*self.segment.file, log_id, from, Extent::Stated(end), mem::take(slab))?;
        loop {
            *at = scan.offset();
            match scan.next()? {
                Found::Record(record) => self.record(&record, scratch),
                Found::Damage(damage) => self.damage(&damage),
                Found::End(_) => break,
            }
        }
        *slab = scan.into_slab();
        self.reach(next_ordinal, end);
        Ok(())
    }

    /// Both copies, once records stand behind them; before, a crash may have left one unwritten.
    fn header(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; self.segment.length.min(RECORDS_AT) as usize];
        self.segment.file.read_at(0, &mut bytes)?;
        let number = self.segment.number;
        let own = |copy: Result<SegmentHeader, _>| copy.ok().filter(|header| header.number == number);
        let bad_copy = match SegmentHeader::decode_copies(&bytes).map(own) {
            [Some(first), Some(second)] if first == second => return Ok(()),
            // Opening tells it.
            [None, None] => None,
            [Some(_), None] => Some(PAGE),
            [None | Some(_), Some(_)] => Some(0),
        };
        self.verified.headless = Some(number);
        if let Some(offset) = bad_copy {
            self.find(offset, "this copy of the header is damaged; the other one serves".into(), 0);
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, scratch: &mut Scratch) {
        let Record { offset, header, payload } = record;
        self.reach(header.ordinal, *offset);
        if header.ordinal < self.ordinal {
            let what = format!(
                "the record's events are numbered from {}, though {} came before",
                header.ordinal, self.ordinal
            );
            self.find(*offset, what, 0);
        }
        if header.kind == Kind::Put && header.sequence < self.sequence {
            let what = format!("the put has the sequence {}, though {} was to come", header.sequence, self.sequence);
            self.find(*offset, what, 0);
        }
        if header.durable > (Position { segment: self.segment.number, offset: *offset }) {
            self.find(*offset, "the record says that what comes behind it was durable before".into(), 0);
        }
        match header.kind {
            Kind::Put => self.put(*offset, header, payload, scratch),
            Kind::Ack if ack_ranges(payload).any(|range| range.start > range.end || range.end > header.ordinal) => {
                self.find(*offset, "the acknowledgement names events that there never were".into(), 0);
            }
            Kind::Ack => {}
        }
        self.verified.records += 1;
        self.ordinal = self.ordinal.max(header.next_ordinal());
        self.sequence = self.sequence.max(header.next_sequence());
    }

    fn put(&mut self, offset: u32, header: &RecordHeader, payload: &[u8], scratch: &mut Scratch) {
        let parts = put_parts(header, payload);
        let run = parts.as_ref().and_then(|(events, table)| Run::new(events, table, header.base).ok());
        let Some(run) = run else {
            let damage = Damage { from: offset, to: header.next(offset) as u32, header: Some(*header) };
            return self.damage(&damage);
        };
        if !scratch.is_canonical(&run) {
            self.find(offset, "the checksum is right, but not every event is encoded as it should be".into(), 0);
        }
        self.verified.events += u64::from(header.events);
        for queued in self.lane.recovered.consumed.unconsumed_in(header.ordinal, header.next_ordinal()) {
            let queued = run.slice((queued.start - header.ordinal) as usize..(queued.end - header.ordinal) as usize);
            self.verified.queued += queued.len() as u64;
            self.verified.queued_bytes += queued.byte_len() as u64;
        }
    }

    fn damage(&mut self, damage: &Damage) {
        self.close_hole(self.ordinal);
        if let Some(header) = damage.header {
            self.sequence = self.sequence.max(header.next_sequence());
        }
        self.open = Some(Hole {
            number: self.segment.number,
            from: damage.from,
            to: damage.to,
            missing: self.ordinal..self.ordinal,
            sequence: self.sequence,
            lost: 0,
        });
        if let Some(header) = damage.header {
            self.close_hole(header.next_ordinal());
        }
    }

    /// Goes on to an ordinal, which stands at `offset`. Those before it are missing: by the last damage, if nothing was read since.
    fn reach(&mut self, ordinal: u64, offset: u32) {
        if self.open.is_some() {
            return self.close_hole(ordinal);
        }
        let lost = self.lane.queued(self.ordinal, ordinal.max(self.ordinal));
        if lost > 0 {
            self.find(offset, "the events before this place are not there".into(), lost);
            self.verified.missing.push(self.ordinal..ordinal);
        }
        self.ordinal = self.ordinal.max(ordinal);
    }

    /// The damage goes up to this ordinal.
    fn close_hole(&mut self, ordinal: u64) {
        let Some(mut hole) = self.open.take() else { return };
        hole.missing.end = ordinal.max(self.ordinal);
        self.ordinal = hole.missing.end;
        hole.lost = match self.known(hole.from) {
            Some(finding) => finding.events_lost,
            None => self.lane.queued(hole.missing.start, hole.missing.end),
        };
        self.find(hole.from, format!("no record can be read from here to byte {}", hole.to), hole.lost);
        self.verified.missing.push(hole.missing.clone());
        self.verified.holes.push(hole);
    }

    /// Reports something, unless opening tells it already.
    fn find(&mut self, offset: u32, what: String, events_lost: u64) {
        if self.known(offset).is_none() {
            let file = self.path.display().to_string();
            self.verified.findings.push(Finding { file, offset: Some(offset), what, events_lost });
        }
    }

    /// What opening finds at this place.
    fn known(&self, offset: u32) -> Option<&Finding> {
        let mut findings = self.lane.recovered.findings.iter();
        findings.find(|finding| finding.offset == Some(offset) && Path::new(&finding.file) == self.path)
    }
}

impl Scratch {
    /// Whether the events are in the one form that every event has here.
    fn is_canonical(&mut self, run: &Run<'_>) -> bool {
        self.bytes.resize(run.byte_len(), 0);
        self.table.resize(run.len(), Entry::default());
        let mut space = Space::new(&mut self.bytes, &mut self.table, run.base());
        let scanned = scan_events(run.bytes(), run.len(), &mut space);
        let made = space.run();
        scanned.is_ok() && made.bytes() == run.bytes() && made.table() == run.table()
    }
}
