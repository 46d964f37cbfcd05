//! Steps 3, 4 and 6: what the records say, and what is missing.

use std::{collections::BTreeMap, io, mem, ops::Range, path::Path, sync::Arc};

use super::{
    super::{
        Consumed, Position, Segment, StorageFile,
        layout::{Ending, Kind, RECORDS_AT, ack_ranges},
        scan::{Damage, Extent, Found, Record, Scan, Slab},
    },
    Finding,
    checkpoints::Checkpoints,
    directory::{Begun, Directory},
};
use crate::{Error, Fault, Result};

/// Goes through the segments in order.
pub(super) struct Replay<'a, F> {
    directory: &'a Directory<F>,
    checkpoints: &'a Checkpoints,
    log_id: u64,
    /// What headers say of segments before theirs.
    endings: BTreeMap<u64, Ending>,
    consumed: Consumed,
    /// The next ordinal, as far as was read.
    ordinal: u64,
    sequence: u64,
    /// The segment before the one that is read.
    before: Option<u64>,
    drafts: Vec<Draft>,
    /// The damage behind which nothing was read yet.
    open: Option<usize>,
    slab: Slab,
}

/// A finding, and the ordinals that are missing there; they are lost if nothing says that they were consumed.
struct Draft {
    finding: Finding,
    missing: Range<u64>,
    /// Whether it is told even if nothing is lost.
    always: bool,
}

impl<'a, F: StorageFile> Replay<'a, F> {
    pub fn new(directory: &'a Directory<F>, checkpoints: &'a Checkpoints, begun: &[Begun<F>]) -> Self {
        let first_ordinal = begun.first().map_or(0, |first| first.first_ordinal);
        // Without a checkpoint, what is not there has been freed.
        let consumed = checkpoints.best().map_or_else(|| Consumed::up_to(first_ordinal), |best| best.consumed.clone());
        let headers = begun.iter().filter_map(|begun| begun.header.as_ref());
        let mut replay = Self {
            directory,
            checkpoints,
            log_id: directory.log_id.unwrap_or_default(),
            // A later header knows better.
            endings: headers.flat_map(|header| &header.endings).map(|ending| (ending.number, *ending)).collect(),
            ordinal: consumed.watermark().min(first_ordinal),
            consumed,
            sequence: checkpoints.next_sequence,
            before: None,
            drafts: Vec::new(),
            open: None,
            slab: Slab::default(),
        };
        for path in &checkpoints.unreadable {
            let what = "is damaged: what only it knew to be delivered is delivered again";
            replay.report(path.display().to_string(), None, what.into());
        }
        replay
    }

    /// The next sequence, as far as was read.
    pub const fn next_sequence(&self) -> u64 {
        self.sequence
    }

    /// What becomes of the next segment. Those before the checkpoint are not read if their ends are known.
    pub fn segment(&mut self, begun: &Begun<F>) -> Result<Segment<F>> {
        let path = self.directory.segment_path(begun.number).display().to_string();
        self.reach(begun, &path)?;
        if begun.header.is_none() {
            self.report(
                path.clone(),
                Some(0),
                "both copies of the header are damaged; what stands behind them is read".into(),
            );
        }
        let findings = self.drafts.len();
        let position = self.checkpoints.best().map_or(Position::default(), |best| best.position);
        let end = match self.endings.get(&begun.number) {
            Some(ending) if begun.number < position.segment => {
                self.ordinal = self.ordinal.max(ending.next_ordinal);
                ending.end
            }
            _ => self.read(begun, &path)?,
        };
        if let Some(header) = &begun.header {
            self.sequence = self.sequence.max(header.first_sequence);
        }
        self.before = Some(begun.number);
        Ok(Segment {
            number: begun.number,
            nonce: begun.header.as_ref().map_or(0, |header| header.nonce),
            file: Arc::clone(&begun.file),
            length: begun.length,
            end,
            first_ordinal: begun.first_ordinal,
            next_ordinal: self.ordinal,
            damaged: begun.header.is_none() || self.drafts.len() > findings,
        })
    }

    /// Goes on to the first ordinal of a segment. Where the end of the one before and its own beginning are known, none between them
    /// was in use.
    fn reach(&mut self, begun: &Begun<F>, path: &str) -> Result<()> {
        if begun.first_ordinal < self.ordinal {
            let what = format!(
                "begins with event {}, though {} were before it: the directory was put together from two others. Restore one of them, or \
                 move its files away to begin anew",
                begun.first_ordinal, self.ordinal,
            );
            return Err(Error::file(Fault::Damaged, Path::new(path), what));
        }
        let known = begun.header.is_some()
            && self.before.is_some_and(|before| {
                self.endings.contains_key(&before) && self.endings.range(before + 1..begun.number).next().is_none()
            });
        if known {
            self.pass_over(begun.first_ordinal);
        } else {
            self.miss(begun.first_ordinal, path, None, "the events before this segment are not there");
        }
        self.open = None;
        Ok(())
    }

    /// Reads a segment from the checkpoint on, or all of it, and returns its end.
    fn read(&mut self, begun: &Begun<F>, path: &str) -> Result<u32> {
        let checkpoint = self.checkpoints.best().filter(|best| best.position.segment == begun.number);
        let ending = self.endings.get(&begun.number).copied();
        let from = checkpoint.map_or(RECORDS_AT, |best| best.position.offset);
        let extent = ending.map_or(Extent::Open(from), |ending| Extent::Stated(ending.end));
        self.ordinal = self.ordinal.max(checkpoint.map_or(0, |best| best.next_ordinal));
        let end = self
            .records(begun, from, extent, path)
            .map_err(|error| Error::disk("read", &self.directory.segment_path(begun.number), &error))?;
        let Some(ending) = ending else { return Ok(end) };
        if self.open.is_some() {
            self.miss(ending.next_ordinal, path, None, "");
        } else {
            // What was written behind the end failed, and its ordinals are not used again.
            self.pass_over(ending.next_ordinal);
        }
        Ok(ending.end)
    }

    fn records(&mut self, begun: &Begun<F>, from: u32, extent: Extent, path: &str) -> io::Result<u32> {
        let from = Position { segment: begun.number, offset: from };
        let mut scan = Scan::new(&*begun.file, self.log_id, from, extent, mem::take(&mut self.slab))?;
        self.open = None;
        loop {
            match scan.next()? {
                Found::Record(record) => self.record(&record, path),
                Found::Damage(damage) => self.damage(&damage, path),
                Found::End(end) => {
                    self.slab = scan.into_slab();
                    return Ok(end);
                }
            }
        }
    }

    fn record(&mut self, record: &Record<'_>, path: &str) {
        let header = &record.header;
        self.miss(header.ordinal, path, Some(record.offset), "the events before this record are not there");
        self.open = None;
        self.ordinal = self.ordinal.max(header.next_ordinal());
        self.sequence = self.sequence.max(header.next_sequence());
        if header.kind == Kind::Ack {
            for range in ack_ranges(record.payload) {
                self.consumed.insert(range.start, range.end.min(self.ordinal));
            }
        }
    }

    fn damage(&mut self, damage: &Damage, path: &str) {
        let what = match damage.header {
            Some(_) => "the record here is damaged".into(),
            None => format!("no record can be read from here to byte {}", damage.to),
        };
        self.open = Some(self.report(path.into(), Some(damage.from), what));
        if let Some(header) = damage.header {
            self.sequence = self.sequence.max(header.next_sequence());
            self.miss(header.next_ordinal(), path, None, "");
        }
    }

    /// Reports something by which nothing is missing so far.
    fn report(&mut self, file: String, offset: Option<u32>, what: String) -> usize {
        let finding = Finding { file, offset, what, events_lost: 0 };
        self.drafts.push(Draft { finding, missing: self.ordinal..self.ordinal, always: true });
        self.drafts.len() - 1
    }

    /// Goes on to an ordinal; those before it are missing. It is the damage's fault that came last, or else a finding of its own.
    fn miss(&mut self, ordinal: u64, file: &str, offset: Option<u32>, what: &str) {
        if ordinal <= self.ordinal {
            return;
        }
        let missing = self.ordinal..ordinal;
        self.ordinal = ordinal;
        if let Some(open) = self.open {
            self.drafts[open].missing.end = ordinal;
        } else {
            let finding = Finding { file: file.into(), offset, what: what.into(), events_lost: 0 };
            self.drafts.push(Draft { finding, missing, always: false });
        }
    }

    /// Goes on to an ordinal; those before it were never given to an event that counts.
    fn pass_over(&mut self, ordinal: u64) {
        self.consumed.insert(self.ordinal, ordinal);
        self.ordinal = self.ordinal.max(ordinal);
    }

    /// What is consumed or lost, the next ordinal, and what is to be said.
    pub fn conclude(mut self) -> (Consumed, u64, Vec<Finding>) {
        let end = self.ordinal;
        self.open = None;
        if let Some((path, best)) = &self.checkpoints.best {
            self.miss(
                best.consumed.end(),
                &path.display().to_string(),
                None,
                "knows of events behind the end of the log, which the disk has lost",
            );
        }
        for (path, other) in &self.checkpoints.rejected {
            let what = "speaks of segments that are not there and is ignored: what only it knew to be delivered is delivered again";
            self.open = Some(self.report(path.display().to_string(), None, what.into()));
            // Events that the log has are not concerned.
            for range in other.consumed.pairs().chain(std::iter::once(0..other.consumed.watermark())) {
                self.consumed.insert(range.start.max(end), range.end);
            }
            self.miss(other.next_ordinal.max(other.consumed.end()), "", None, "");
        }
        let Self { mut consumed, drafts, ordinal, .. } = self;
        let mut findings = Vec::new();
        for Draft { mut finding, missing, always } in drafts {
            let lost = consumed.unconsumed_in(missing.start, missing.end).map(|range| range.end - range.start);
            finding.events_lost = lost.sum();
            consumed.insert(missing.start, missing.end);
            if always || finding.events_lost > 0 {
                findings.push(finding);
            }
        }
        let next_ordinal = ordinal.max(self.checkpoints.next_ordinal);
        consumed.insert(end, next_ordinal);
        (consumed, next_ordinal, findings)
    }
}
