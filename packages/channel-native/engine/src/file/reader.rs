//! Brings back what left the buffer: reads the log in order, compares every checksum, and shows what is still to be delivered.

use std::{io, sync::Arc, thread, time::Duration};

use super::{
    Position, StorageFile,
    layout::{Kind, RECORDS_AT, RecordHeader, put_parts},
    log::{Segments, lock},
    scan::{Extent, Found, Record, Scan, Slab},
};
use crate::{
    batch::Run,
    channel::{Channel, Stretch, Unread},
    error::{Error, Result},
};

/// After a read that failed.
const RETRY: Duration = Duration::from_millis(500);

/// The log of one directory, to be read.
pub struct Source<F> {
    /// The directory, for messages.
    pub path: std::path::PathBuf,
    /// What its checksums are seeded with.
    pub log_id: u64,
    /// Its segments, which the writer changes.
    pub segments: Segments<F>,
}

/// Where the reader stands in one directory.
struct Lane<F> {
    source: Source<F>,
    segment: u64,
    scan: Option<Scan<Arc<F>>>,
    slab: Slab,
}

/// Reads the logs of a channel, merged by the sequence of their puts.
pub struct Reader<'a, F> {
    channel: &'a Channel,
    lanes: Vec<Lane<F>>,
    part_bytes: usize,
    clock: &'a dyn Fn() -> u64,
    /// The failure that was reported last, so that it is not reported each time.
    reported: Option<String>,
}

/// What became of a record that was to be shown.
enum Shown {
    Whole,
    NoRoom,
    /// Its bytes are as they were written, and are no events.
    Unreadable,
}

impl<'a, F: StorageFile> Reader<'a, F> {
    /// A reader that shows at most `part_bytes` at once, unless one event has more.
    #[must_use]
    pub fn new(channel: &'a Channel, sources: Vec<Source<F>>, part_bytes: u64, clock: &'a dyn Fn() -> u64) -> Self {
        let lane = |source| Lane { source, segment: 0, scan: None, slab: Slab::default() };
        let part_bytes = usize::try_from(part_bytes).unwrap_or(usize::MAX);
        Self { channel, lanes: sources.into_iter().map(lane).collect(), part_bytes, clock, reported: None }
    }

    /// Works until the channel is closed.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn run(mut self) -> Result<()> {
        loop {
            let stretches = self.channel.next_stretches()?;
            if stretches.is_empty() {
                return Ok(());
            }
            if !self.turn(stretches)? {
                thread::sleep(RETRY);
            }
        }
    }

    /// Shows the next record of some stretches; `false` when something could not be read, which is to be tried again later.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn turn(&mut self, mut stretches: Vec<Stretch>) -> Result<bool> {
        let mut first: Option<(u64, Stretch)> = None;
        for stretch in &mut stretches {
            match self.next_put(stretch)? {
                Ok(Some(header)) if first.is_none_or(|(sequence, _)| header.sequence < sequence) => {
                    first = Some((header.sequence, *stretch));
                }
                Ok(_) => {}
                Err(error) => return Ok(self.failed(stretch.lane, &error)),
            }
        }
        let Some((_, stretch)) = first else { return Ok(true) };
        self.reported = None;
        self.show_next(stretch)
    }

    /// Goes to the next put of a stretch, so that it is found next; past what is none, and past what is lost.
    fn next_put(&mut self, stretch: &mut Stretch) -> Result<io::Result<Option<RecordHeader>>> {
        loop {
            let Unread { from, ordinal } = stretch.unread;
            let lane = &mut self.lanes[stretch.lane];
            let found = match lane.seek(from, stretch.to).and_then(|scan| scan.map(Scan::next).transpose()) {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            let next = match found {
                Some(Found::Record(Record { header, offset, .. }))
                    if header.kind == Kind::Put
                        && header.ordinal >= ordinal
                        && header.next_ordinal() <= stretch.end_ordinal =>
                {
                    lane.back_to(offset);
                    if header.ordinal > ordinal {
                        self.lose(stretch.lane, ordinal..header.ordinal)?;
                        stretch.unread.ordinal = header.ordinal;
                        self.channel.read_past(stretch.lane, stretch.unread)?;
                    }
                    return Ok(Ok(Some(header)));
                }
                Some(Found::Record(Record { header, offset, .. })) => {
                    Unread { from: Position { offset: header.next(offset) as u32, ..from }, ordinal }
                }
                Some(Found::Damage(damage)) => {
                    lane.note_damage(self.channel, from.segment, damage.from);
                    Unread { from: Position { offset: damage.to, ..from }, ordinal }
                }
                Some(Found::End(_)) | None if from.segment >= stretch.to.segment => {
                    // All that was to be found has been.
                    self.lose(stretch.lane, ordinal..stretch.end_ordinal)?;
                    self.channel.read_past(stretch.lane, Unread { from: stretch.to, ordinal: stretch.end_ordinal })?;
                    return Ok(Ok(None));
                }
                Some(Found::End(_)) | None => Unread { from: lane.after(from.segment, stretch.to), ordinal },
            };
            stretch.unread = next;
            self.channel.read_past(stretch.lane, next)?;
        }
    }

    /// Shows the record that [`Reader::next_put`] went to; it stays the next when there is no room.
    fn show_next(&mut self, stretch: Stretch) -> Result<bool> {
        let Stretch { lane: number, unread: Unread { from, .. }, .. } = stretch;
        let Some(scan) = self.lanes[number].scan.as_mut() else { return Ok(true) };
        let record = match scan.next() {
            Ok(Found::Record(record)) => record,
            Ok(_) => return Ok(true),
            Err(error) => return Ok(self.failed(number, &error)),
        };
        let (header, offset) = (record.header, record.offset);
        match show(self.channel, number, &record, self.part_bytes, (self.clock)())? {
            Shown::Whole => {
                let from = Position { offset: header.next(offset) as u32, ..from };
                self.channel.read_past(number, Unread { from, ordinal: header.next_ordinal() })?;
            }
            Shown::Unreadable => {
                self.lanes[number].note_damage(self.channel, from.segment, offset);
                let from = Position { offset: header.next(offset) as u32, ..from };
                self.lose(number, header.ordinal..header.next_ordinal())?;
                self.channel.read_past(number, Unread { from, ordinal: header.next_ordinal() })?;
            }
            Shown::NoRoom => self.lanes[number].back_to(offset),
        }
        Ok(true)
    }

    fn lose(&self, lane: usize, ordinals: std::ops::Range<u64>) -> Result<()> {
        if ordinals.is_empty() {
            return Ok(());
        }
        let lost = self.channel.lose(lane, ordinals, (self.clock)())?;
        if lost > 0 {
            let path = self.lanes[lane].source.path.display();
            self.channel.report(format!("{path}: {lost} events cannot be read back and are lost"));
        }
        Ok(())
    }

    fn failed(&mut self, lane: usize, error: &io::Error) -> bool {
        let text = Error::disk("read", &self.lanes[lane].source.path, error).to_string();
        if self.reported.as_ref() != Some(&text) {
            self.channel.report(text.clone());
            self.reported = Some(text);
        }
        false
    }
}

/// Shows what is still to be delivered of a put, in parts that find room.
fn show(channel: &Channel, lane: usize, record: &Record<'_>, part_bytes: usize, now_ms: u64) -> Result<Shown> {
    let RecordHeader { ordinal, base, time_ms, .. } = record.header;
    let Some((events, table)) = put_parts(&record.header, record.payload) else { return Ok(Shown::Unreadable) };
    let Ok(run) = Run::new(events, &table, base) else { return Ok(Shown::Unreadable) };
    for wanted in channel.unshown(lane, ordinal..record.header.next_ordinal())? {
        let mut rest = run.slice((wanted.start - ordinal) as usize..(wanted.end - ordinal) as usize);
        let mut next = wanted.start;
        while !rest.is_empty() {
            let part = rest.slice(0..rest.fitting(part_bytes).max(1));
            if !channel.refill(lane, next, &part, time_ms, now_ms)? {
                return Ok(Shown::NoRoom);
            }
            next += part.len() as u64;
            rest = rest.slice(part.len()..rest.len());
        }
    }
    Ok(Shown::Whole)
}

impl<F: StorageFile> Lane<F> {
    /// The scan that looks there next; none when that segment is gone.
    fn seek(&mut self, from: Position, to: Position) -> io::Result<Option<&mut Scan<Arc<F>>>> {
        let segments = lock(&self.source.segments);
        let Some(segment) = segments.iter().find(|it| it.number == from.segment) else {
            self.scan = None;
            return Ok(None);
        };
        let end = if from.segment < to.segment { segment.end } else { to.offset };
        let file = Arc::clone(&segment.file);
        drop(segments);
        match &mut self.scan {
            Some(scan) if self.segment == from.segment && scan.offset() == from.offset => scan.extend(end)?,
            _ => {
                let slab = self.scan.take().map_or_else(|| std::mem::take(&mut self.slab), Scan::into_slab);
                let scan = Scan::new(file, self.source.log_id, from, Extent::Stated(end), slab)?;
                (self.scan, self.segment) = (Some(scan), from.segment);
            }
        }
        Ok(self.scan.as_mut())
    }

    fn back_to(&mut self, record: u32) {
        if let Some(scan) = &mut self.scan {
            scan.back_to(record);
        }
    }

    /// The beginning of the next segment there is.
    fn after(&self, number: u64, to: Position) -> Position {
        let segments = lock(&self.source.segments);
        let next = segments.iter().map(|it| it.number).find(|&it| it > number);
        Position { segment: next.unwrap_or(to.segment), offset: RECORDS_AT }
    }

    fn note_damage(&self, channel: &Channel, number: u64, offset: u32) {
        let mut segments = lock(&self.source.segments);
        // Once for a segment: opening may have told it already.
        if segments.iter_mut().find(|it| it.number == number).is_some_and(|it| std::mem::replace(&mut it.damaged, true))
        {
            return;
        }
        drop(segments);
        let path = self.source.path.join(super::layout::segment_name(number));
        channel.report(format!("{} is damaged at byte {offset}; the rest of it is read on", path.display()));
    }
}
