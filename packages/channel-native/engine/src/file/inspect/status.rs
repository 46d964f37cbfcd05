//! What is in a directory, without reading more of it than the next opening will.

use std::sync::Arc;

use super::{
    super::{
        Position, Segment, Storage, StorageFile,
        layout::{RECORDS_AT, SegmentHeader},
    },
    Cursor, Finding, Lane,
};
use crate::error::{Error, Result};

/// What is in a data directory.
#[derive(Debug)]
pub struct Status {
    /// Where it is.
    pub path: String,
    /// The id of its log; none where no segment was ever begun.
    pub log_id: Option<u64>,
    /// How many data directories the channel had last.
    pub directories: u32,
    /// Whether puts were answered before they were synced, when the newest segment was begun.
    pub synced_in_intervals: bool,
    /// Events that the next opening will find.
    pub queued: u64,
    /// When the oldest of them was put, milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// Bytes of the log in which they stand.
    pub queued_bytes: u64,
    /// Bytes of all files in the directory.
    pub disk_bytes: u64,
    /// The segments, the oldest first.
    pub segments: Vec<SegmentStatus>,
    /// Names and bytes of the other files.
    pub others: Vec<(String, u64)>,
    /// Up to where the checkpoint speaks; 0 where there is none that fits.
    pub checkpoint: Position,
    /// Bytes of the log that the next opening will read.
    pub unread_bytes: u64,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// What is in a segment.
#[derive(Debug)]
pub struct SegmentStatus {
    /// Its number.
    pub number: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Where its records end.
    pub end: u32,
    /// Events that were put there, as far as their numbers say.
    pub events: u64,
    /// How many of them are still queued.
    pub queued: u64,
    /// Whether something was found that cannot be read.
    pub damaged: bool,
}

impl<S: Storage> Lane<S> {
    /// What is in the directory.
    ///
    /// # Errors
    /// `Disk` when something cannot be read.
    pub fn status(self) -> Result<Status> {
        let lane = Arc::new(self);
        let recovered = &lane.recovered;
        let segments: Vec<_> = recovered.segments.iter().map(|segment| lane.segment_status(segment)).collect();
        let oldest = Cursor::new(Arc::clone(&lane), false).seek()?;
        let (disk_bytes, others) = lane.files()?;
        Ok(Status {
            path: lane.data.path().display().to_string(),
            log_id: recovered.log_id,
            directories: recovered.directories,
            synced_in_intervals: lane.newest_header()?.is_some_and(|header| header.synced_in_intervals),
            queued: segments.iter().map(|segment| segment.queued).sum(),
            oldest_ms: oldest.map(|put| put.time_ms),
            queued_bytes: segments.iter().map(SegmentStatus::queued_bytes).sum(),
            disk_bytes,
            segments,
            others,
            checkpoint: recovered.position,
            unread_bytes: recovered.segments.iter().map(|segment| unread(segment, recovered.position)).sum(),
            findings: recovered.findings.clone(),
        })
    }

    fn segment_status(&self, segment: &Segment<S::File>) -> SegmentStatus {
        SegmentStatus {
            number: segment.number,
            bytes: segment.length.into(),
            end: segment.end,
            events: segment.next_ordinal - segment.first_ordinal,
            queued: self.queued(segment.first_ordinal, segment.next_ordinal),
            damaged: segment.damaged,
        }
    }

    /// Bytes of all files, and those that hold no records.
    fn files(&self) -> Result<(u64, Vec<(String, u64)>)> {
        let path = self.data.path();
        let mut names = self.data.list().map_err(|error| Error::disk("list", &path, &error))?;
        names.sort();
        let mut others = Vec::new();
        let mut sum = 0;
        for name in names {
            let len = self.data.open(&name).and_then(|file| file.len());
            let len = len.map_err(|error| Error::disk("read", &path.join(&name), &error))?;
            sum += len;
            let number = super::super::layout::segment_number(&name);
            if !self.recovered.segments.iter().any(|segment| Some(segment.number) == number) {
                others.push((name, len));
            }
        }
        Ok((sum, others))
    }

    fn newest_header(&self) -> Result<Option<SegmentHeader>> {
        let Some(newest) = self.recovered.segments.back() else { return Ok(None) };
        let mut bytes = vec![0; RECORDS_AT.min(newest.length) as usize];
        newest.file.read_at(0, &mut bytes).map_err(|error| self.failed(newest, &error))?;
        Ok(SegmentHeader::decode(&bytes).ok())
    }
}

impl SegmentStatus {
    /// About how many bytes of the log hold what is still queued: all of them, or as large a part as it is of the events.
    fn queued_bytes(&self) -> u64 {
        let bytes = u128::from(self.end.saturating_sub(RECORDS_AT));
        (bytes * u128::from(self.queued)).checked_div(self.events.into()).unwrap_or_default() as u64
    }
}

/// Bytes behind the checkpoint.
fn unread<F>(segment: &Segment<F>, position: Position) -> u64 {
    let from = if segment.number == position.segment { position.offset } else { RECORDS_AT };
    if segment.number < position.segment { 0 } else { segment.end.saturating_sub(from).into() }
}
