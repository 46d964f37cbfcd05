//! Opening a directory: from its bytes to what is queued, changing nothing. `docs/design/file-channel.md` has the steps under "Opening".
#![forbid(unsafe_code)]

mod checkpoints;
mod directory;
#[cfg(all(test, not(loom)))]
mod laws;
mod replay;
#[cfg(all(test, not(loom)))]
mod tests;

use std::{collections::VecDeque, fmt, sync::Arc};

use self::{checkpoints::Checkpoints, directory::Directory, replay::Replay};
use super::{Consumed, Position, Segment, Storage};
use crate::Result;

/// What a directory holds.
#[derive(Debug)]
pub struct Recovered<F> {
    /// The id of its log; none where no segment was ever begun.
    pub log_id: Option<u64>,
    /// How many data directories the channel had when the last segment was begun.
    pub directories: u32,
    /// All segments that were begun, the oldest first.
    pub segments: VecDeque<Segment<F>>,
    /// Numbers and lengths of segments that were not begun, or are not needed any more.
    pub unbegun: Vec<(u64, u32)>,
    /// Names of other files that are of no use.
    pub leftovers: Vec<String>,
    /// Higher than every number that anything names.
    pub next_number: u64,
    /// Higher than every ordinal that anything names.
    pub next_ordinal: u64,
    /// Higher than every sequence that anything names.
    pub next_sequence: u64,
    /// Events that have left or are lost. All others below `next_ordinal` are queued.
    pub consumed: Consumed,
    /// The generation before that of the next checkpoint.
    pub generation: u64,
    /// The position of the checkpoint from which the log was read.
    pub position: Position,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The path of the file.
    pub file: String,
    /// Where in it.
    pub offset: Option<u32>,
    /// What it is.
    pub what: String,
    /// Events that are lost by it.
    pub events_lost: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        write!(f, ": {}", self.what)?;
        match self.events_lost {
            0 => Ok(()),
            1 => f.write_str("; 1 event is lost"),
            lost => write!(f, "; {lost} events are lost"),
        }
    }
}

/// Finds out what a data directory holds, with the help of checkpoints in other directories.
///
/// # Errors
/// `File` when there are files that are not this log's, of a later version, or none that can be understood; `Disk` when one cannot be read.
pub fn recover<S: Storage>(data: &S, checkpoints: &[Arc<S>]) -> Result<Recovered<S::File>> {
    let mut directory = Directory::read(data)?;
    let checkpoints = Checkpoints::read(&directory, checkpoints)?;
    let (begun, unbegun) = directory.sort(checkpoints.lowest_segment())?;
    let mut replay = Replay::new(&directory, &checkpoints, &begun);
    let segments = begun.iter().map(|begun| replay.segment(begun)).collect::<Result<_>>()?;
    let headers = || begun.iter().filter_map(|begun| begun.header.as_ref());
    let endings = headers().flat_map(|header| &header.endings);
    let numbers = endings.map(|ending| ending.number).chain([directory.highest_number, checkpoints.highest_number]);
    let next_sequence = replay.next_sequence();
    let (consumed, next_ordinal, findings) = replay.conclude();
    Ok(Recovered {
        log_id: directory.log_id,
        directories: headers().next_back().map_or(0, |header| header.directories),
        segments,
        unbegun,
        leftovers: directory.leftovers,
        next_number: numbers.max().map_or(1, |highest| highest.saturating_add(1)),
        next_ordinal,
        next_sequence,
        consumed,
        generation: checkpoints.generation,
        position: checkpoints.best().map_or_else(Position::default, |best| best.position),
        findings,
    })
}
