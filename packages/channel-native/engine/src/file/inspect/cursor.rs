//! Going through the puts of a directory.

use std::{ops::Range, sync::Arc};

use super::{
    super::{
        Position, Storage,
        layout::{Kind, RECORDS_AT, RecordHeader, put_parts},
        scan::{Damage, Extent, Found, Record, Scan, Slab},
    },
    Finding, Lane,
};
use crate::{batch::Run, error::Result};

/// Stands in front of a put.
pub(super) struct Cursor<S: Storage> {
    lane: Arc<Lane<S>>,
    /// Whether events that were delivered are wanted too.
    all: bool,
    /// The segment that is read: its place among the others.
    segment: usize,
    scan: Option<Scan<Arc<S::File>>>,
    slab: Slab,
    /// What could not be read so far.
    pub findings: Vec<Finding>,
}

impl<S: Storage> Cursor<S> {
    pub fn new(lane: Arc<Lane<S>>, all: bool) -> Self {
        Self { lane, all, segment: 0, scan: None, slab: Slab::default(), findings: Vec::new() }
    }

    /// Goes to the next put with wanted events.
    pub fn seek(&mut self) -> Result<Option<RecordHeader>> {
        loop {
            let lane = Arc::clone(&self.lane);
            let Some(segment) = lane.recovered.segments.get(self.segment) else { return Ok(None) };
            if !self.all && lane.queued(segment.first_ordinal, segment.next_ordinal) == 0 {
                self.leave_segment();
                continue;
            }
            let failed = |error| lane.failed(segment, &error);
            let scan = match &mut self.scan {
                Some(scan) => scan,
                none => {
                    let from = Position { segment: segment.number, offset: RECORDS_AT };
                    let (file, log_id) = (Arc::clone(&segment.file), lane.recovered.log_id.unwrap_or_default());
                    let slab = std::mem::take(&mut self.slab);
                    none.insert(Scan::new(file, log_id, from, Extent::Stated(segment.end), slab).map_err(failed)?)
                }
            };
            match scan.next().map_err(failed)? {
                Found::Record(Record { header, offset, .. }) => {
                    if header.kind == Kind::Put && self.wanted(&header).next().is_some() {
                        self.back_to(offset);
                        return Ok(Some(header));
                    }
                }
                Found::Damage(Damage { from, to, .. }) => {
                    let what =
                        format!("bytes {from} to {to} cannot be read as records, and the events in them are left out");
                    let file = lane.path_of(segment).display().to_string();
                    self.findings.push(Finding { file, offset: Some(from), what, events_lost: 0 });
                }
                Found::End(_) => self.leave_segment(),
            }
        }
    }

    /// Gives the wanted events of the put that [`Cursor::seek`] went to, and goes on behind it.
    pub fn read(&mut self, mut give: impl FnMut(&Run<'_>)) -> Result<()> {
        let lane = Arc::clone(&self.lane);
        let (Some(segment), Some(mut scan)) = (lane.recovered.segments.get(self.segment), self.scan.take()) else {
            return Ok(());
        };
        if let Found::Record(Record { header, payload, .. }) =
            scan.next().map_err(|error| lane.failed(segment, &error))?
            && let Some((events, table)) = put_parts(&header, payload)
            && let Ok(run) = Run::new(events, &table, header.base)
        {
            for Range { start, end } in self.wanted(&header) {
                give(&run.slice((start - header.ordinal) as usize..(end - header.ordinal) as usize));
            }
        }
        self.scan = Some(scan);
        Ok(())
    }

    fn wanted(&self, header: &RecordHeader) -> impl Iterator<Item = Range<u64>> + '_ {
        let whole = header.ordinal..header.next_ordinal();
        let (all, queued) = if self.all { (Some(whole), 0..0) } else { (None, whole) };
        all.into_iter().chain(self.lane.recovered.consumed.unconsumed_in(queued.start, queued.end))
    }

    fn back_to(&mut self, record: u32) {
        if let Some(scan) = &mut self.scan {
            scan.back_to(record);
        }
    }

    fn leave_segment(&mut self) {
        self.segment += 1;
        if let Some(scan) = self.scan.take() {
            self.slab = scan.into_slab();
        }
    }
}
