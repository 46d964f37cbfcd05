//! Looking at the directories of a channel that nobody has open. Nothing here writes.
#![forbid(unsafe_code)]

mod cursor;
mod dump;
mod status;
#[cfg(all(test, not(any(loom, miri))))]
pub(super) mod tests;
mod verify;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use self::cursor::Cursor;
pub use self::{
    dump::{Block, Dump},
    status::{SegmentStatus, Status},
    verify::{Hole, Verified, Verify},
};
use super::{
    Disk, LOCK, Segment, Storage,
    layout::segment_name,
    recovery::{Finding, Recovered, recover},
};
use crate::error::{Error, Result};

/// Opens directories to be looked at, all of which have to be there.
///
/// # Errors
/// `Disk` when one cannot be read.
pub fn look_at(paths: &[PathBuf]) -> Result<Vec<Arc<Disk>>> {
    let disk = |path: &PathBuf| Disk::look_at(path).map(Arc::new).map_err(|error| Error::disk("read", path, &error));
    paths.iter().map(disk).collect()
}

/// Who has a directory open, if anybody has.
///
/// # Errors
/// `Disk` when that cannot be found out.
pub fn holder(path: &Path) -> Result<Option<String>> {
    Disk::look_at(path).and_then(|disk| disk.holder(LOCK)).map_err(|error| Error::disk("read", path, &error))
}

/// A data directory, read as opening reads it.
#[derive(Debug)]
pub struct Lane<S: Storage> {
    pub(super) data: Arc<S>,
    pub(super) recovered: Recovered<S::File>,
}

/// Reads the data directories of a channel, with the help of checkpoints in other directories.
///
/// # Errors
/// What opening would refuse with.
pub fn look<S: Storage>(data: &[Arc<S>], checkpoints: &[Arc<S>]) -> Result<Vec<Lane<S>>> {
    let mut lanes: Vec<Lane<S>> = data.iter().map(|data| Lane::read(data, checkpoints)).collect::<Result<_>>()?;
    let directories = lanes.iter().map(|lane| lane.recovered.directories).max().unwrap_or_default();
    if let Some(first) = lanes.first_mut().filter(|_| (data.len() as u32) < directories) {
        let what =
            format!("the channel has {directories} data directories: what is in those that were not named is not told");
        let file = first.data.path().display().to_string();
        first.recovered.findings.push(Finding { file, offset: None, what, events_lost: 0 });
    }
    Ok(lanes)
}

impl<S: Storage> Lane<S> {
    /// Reads one directory.
    ///
    /// # Errors
    /// What opening would refuse with.
    pub fn read(data: &Arc<S>, checkpoints: &[Arc<S>]) -> Result<Self> {
        Ok(Self { data: Arc::clone(data), recovered: recover(&**data, checkpoints)? })
    }

    fn path_of(&self, segment: &Segment<S::File>) -> PathBuf {
        self.data.path().join(segment_name(segment.number))
    }

    /// How many events from `first` up to `end` are still queued.
    fn queued(&self, first: u64, end: u64) -> u64 {
        self.recovered.consumed.unconsumed_in(first, end).map(|range| range.end - range.start).sum()
    }

    fn failed(&self, segment: &Segment<S::File>, error: &std::io::Error) -> Error {
        Error::disk("read", &self.path_of(segment), error)
    }
}
