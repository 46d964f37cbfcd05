//! Mending directories that opening refuses, or would complain about.
//!
//! What is done is planned first, in three stages, each of which needs the one before: files that are not this channel's are moved out of the
//! way; headers are made where both copies are lost; and then single copies are restored, holes in the log filled, and a checkpoint says what is
//! queued.
#![forbid(unsafe_code)]

mod fill;
mod headers;
#[cfg(all(test, not(any(loom, miri))))]
mod laws;
mod settle;
#[cfg(all(test, not(any(loom, miri))))]
mod tests;

use std::{
    collections::BTreeSet,
    fmt,
    io::{self, IoSlice},
    path::PathBuf,
    sync::Arc,
};

use super::{
    Disk, LOCK, Lock, Storage, StorageFile,
    checkpoint::{self, Checkpoint},
    inspect::Hole,
    layout::{SegmentHeader, checkpoint_name, damaged_name, quarantined_name, segment_name},
    opening::checkpoint_file,
};
use crate::error::{Error, Result};

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// The directories of a channel that is to be mended, and what is to be done next.
pub struct Repair<S: Storage> {
    data: Vec<Arc<S>>,
    checkpoints: Vec<Arc<S>>,
    steps: Vec<Step<S>>,
    is_last: bool,
}

/// Something that is to be done.
pub struct Step<S: Storage> {
    storage: Arc<S>,
    act: Act,
}

enum Act {
    /// A file gets another name, and for this reason.
    Rename { from: String, to: String, why: String },
    /// The bytes of a segment are kept in a file of their own.
    Keep { number: u64 },
    /// A segment gets this header, made of that.
    Header { header: Box<SegmentHeader>, of: &'static str },
    /// A hole gets records that say what was there.
    Fill { log_id: u64, hole: Hole },
    /// All of a segment is made durable.
    Sync { number: u64 },
    /// A checkpoint says what is queued; so many events that no hole has lost are not.
    Settle { checkpoint: Box<Checkpoint>, lost: u64 },
}

impl Repair<Disk> {
    /// Locks the directories of a channel, and plans what is to be done first.
    ///
    /// # Errors
    /// As [`Repair::plan`], and who has them.
    pub fn open(data: &[PathBuf], checkpoints: &[PathBuf]) -> Result<(Self, Vec<Lock>)> {
        let open =
            |path: &PathBuf| Disk::open_existing(path).map(Arc::new).map_err(|error| Error::disk("open", path, &error));
        let [data, checkpoints] = [data, checkpoints].map(|paths| paths.iter().map(open).collect::<Result<Vec<_>>>());
        let (data, checkpoints) = (data?, checkpoints?);
        let mut known = BTreeSet::new();
        let different = data.iter().chain(&checkpoints).filter(|disk| known.insert(disk.path().canonicalize().ok()));
        let lock = |disk: &Arc<Disk>| disk.lock(LOCK).map_err(|error| Error::disk("lock", &disk.path(), &error));
        let locks = different.map(lock).collect::<Result<_>>()?;
        Ok((Self::plan(data, checkpoints)?, locks))
    }
}

impl<S: Storage> Repair<S> {
    /// Plans what is to be done first.
    ///
    /// # Errors
    /// What cannot be mended, and what can be done instead.
    pub fn plan(data: Vec<Arc<S>>, checkpoints: Vec<Arc<S>>) -> Result<Self> {
        let mut repair = Self { data, checkpoints, steps: Vec::new(), is_last: false };
        repair.plan_next()?;
        Ok(repair)
    }

    /// What is to be done next; nothing when all is well.
    pub fn steps(&self) -> impl Iterator<Item = &Step<S>> {
        self.steps.iter()
    }

    /// Whether more may be found to do when this is done.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// Does it, and plans what comes then. What fails may be done again.
    ///
    /// # Errors
    /// `Disk` when the disk does not do its part.
    pub fn apply(&mut self) -> Result<()> {
        for step in std::mem::take(&mut self.steps) {
            step.apply()?;
        }
        if self.is_last { Ok(()) } else { self.plan_next() }
    }

    fn plan_next(&mut self) -> Result<()> {
        let stages = [headers::strangers, headers::lost, settle::settle];
        for (number, stage) in (1..).zip(stages) {
            let steps = self.data.iter().map(|data| stage(data, &self.checkpoints));
            self.steps = steps.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
            self.is_last = number == stages.len();
            if !self.steps.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

impl<S: Storage> Step<S> {
    fn new(storage: &Arc<S>, act: Act) -> Self {
        Self { storage: Arc::clone(storage), act }
    }

    /// The file that it changes.
    fn path(&self) -> PathBuf {
        let name = match &self.act {
            Act::Rename { from, .. } => from.clone(),
            Act::Keep { number } | Act::Sync { number } => segment_name(*number),
            Act::Header { header, .. } => segment_name(header.number),
            Act::Fill { hole, .. } => segment_name(hole.number),
            Act::Settle { checkpoint, .. } => checkpoint_name(checkpoint.log_id),
        };
        self.storage.path().join(name)
    }

    fn apply(&self) -> Result<()> {
        let storage = &*self.storage;
        let done = match &self.act {
            Act::Rename { from, to, .. } => storage.rename(from, to).and_then(|()| storage.sync_names()),
            Act::Keep { number } => keep(storage, *number),
            Act::Header { header, .. } => storage.open(&segment_name(header.number)).and_then(|file| {
                file.write_at(0, &mut [IoSlice::new(&header.encode())])?;
                file.sync()
            }),
            Act::Fill { log_id, hole } => {
                storage.open(&segment_name(hole.number)).and_then(|file| fill::fill(&file, *log_id, hole))
            }
            Act::Sync { number } => storage.open(&segment_name(*number)).and_then(|file| file.sync()),
            Act::Settle { checkpoint, .. } => {
                checkpoint::write(&checkpoint_file(storage, checkpoint.log_id)?, checkpoint)
            }
        };
        done.map_err(|error| Error::disk("change", &self.path(), &error))
    }
}

impl<S: Storage> fmt::Display for Step<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        let path = path.display();
        match &self.act {
            Act::Rename { to, why, .. } => write!(f, "rename {path} to {to}: it {why}"),
            Act::Keep { number } => {
                write!(f, "copy {path} to {}, so that its bytes are kept as they are", damaged_name(*number))
            }
            Act::Header { of, .. } => write!(f, "write the header of {path} again, from {of}"),
            Act::Fill { hole: Hole { from, to, lost, .. }, .. } => {
                write!(
                    f,
                    "fill bytes {from} to {to} of {path}, which cannot be read, with a record that says so; {}",
                    Lost(*lost)
                )
            }
            Act::Sync { .. } => write!(f, "make sure that all of {path} is on the disk"),
            Act::Settle { lost, .. } => {
                write!(f, "write a checkpoint to {path} that says what is queued; {}", Lost(*lost))
            }
        }
    }
}

/// How many events are lost, in words.
struct Lost(u64);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("no queued event is lost by that"),
            1 => f.write_str("1 event is lost"),
            lost => write!(f, "{lost} events are lost"),
        }
    }
}

/// The name, or one that begins with it and no file has.
fn free_name<S: Storage>(storage: &S, name: &str) -> io::Result<String> {
    let names = storage.list()?;
    let numbered = (2..).map(|number| format!("{name}.{number}"));
    let mut names_to_try = std::iter::once(name.to_owned()).chain(numbered);
    Ok(names_to_try.find(|name| !names.contains(name)).unwrap_or_default())
}

/// Moves a file of this name out of the way.
fn quarantine<S: Storage>(storage: &Arc<S>, name: &str, why: String) -> Result<Step<S>> {
    let to =
        free_name(&**storage, &quarantined_name(name)).map_err(|error| Error::disk("list", &storage.path(), &error))?;
    Ok(Step::new(storage, Act::Rename { from: name.into(), to, why }))
}

/// Copies a segment. The copy has its name only when it is whole.
fn keep<S: Storage>(storage: &S, number: u64) -> io::Result<()> {
    const UNFINISHED: &str = "copying";
    let source = storage.open(&segment_name(number))?;
    match storage.remove(UNFINISHED) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let copy = storage.create(UNFINISHED)?;
    let len = source.len()?;
    let mut bytes = vec![0; PIECE];
    for at in (0..len).step_by(PIECE) {
        let part = &mut bytes[..(len - at).min(PIECE as u64) as usize];
        source.read_at(at, part)?;
        copy.write_at(at, &mut [IoSlice::new(part)])?;
    }
    copy.sync()?;
    storage.rename(UNFINISHED, &free_name(storage, &damaged_name(number))?)?;
    storage.sync_names()
}
