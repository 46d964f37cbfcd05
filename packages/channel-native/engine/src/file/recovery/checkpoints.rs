//! Step 2: the checkpoint from which the log is read.

use std::{cmp::Reverse, io, path::PathBuf, sync::Arc};

use super::{
    super::{
        Storage,
        checkpoint::{self, Checkpoint},
        layout::checkpoint_name,
    },
    directory::Directory,
};
use crate::{Error, Result};

/// The checkpoints of a log, and what all of them name.
#[derive(Default)]
pub(super) struct Checkpoints {
    /// The newest whose segment is there.
    pub best: Option<(PathBuf, Checkpoint)>,
    /// Newer ones of another history, the newest first.
    pub rejected: Vec<(PathBuf, Checkpoint)>,
    /// Files that nothing can be read from.
    pub unreadable: Vec<PathBuf>,
    /// Of the newest, or one more: the next one must not be written over the best.
    pub generation: u64,
    pub highest_number: u64,
    pub next_ordinal: u64,
    pub next_sequence: u64,
}

impl Checkpoints {
    pub fn read<S: Storage>(directory: &Directory<S::File>, storages: &[Arc<S>]) -> Result<Self> {
        let mut all = Self::default();
        let Some(log_id) = directory.log_id else { return Ok(all) };
        let name = checkpoint_name(log_id);
        let mut found = Vec::new();
        for storage in storages {
            let path = storage.path().join(&name);
            let slots = match storage.open(&name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.and_then(|file| checkpoint::read(&file)),
            };
            let slots = slots.map_err(|error| Error::disk("read", &path, &error))?;
            if slots.checkpoints.is_empty() && slots.has_others {
                all.unreadable.push(path.clone());
            }
            let ours = slots.checkpoints.into_iter().filter(|checkpoint| checkpoint.log_id == log_id);
            found.extend(ours.map(|checkpoint| (path.clone(), checkpoint)));
        }
        found.sort_by_key(|(_, checkpoint)| Reverse(checkpoint.generation));
        for (path, checkpoint) in found {
            all.generation = all.generation.max(checkpoint.generation);
            all.highest_number = all.highest_number.max(checkpoint.position.segment);
            all.next_ordinal = all.next_ordinal.max(checkpoint.next_ordinal).max(checkpoint.consumed.end());
            all.next_sequence = all.next_sequence.max(checkpoint.next_sequence);
            if all.best.is_none() {
                if is_of(&checkpoint, directory) {
                    all.best = Some((path, checkpoint));
                } else {
                    all.rejected.push((path, checkpoint));
                }
            }
        }
        let step = all.best().map_or(0, |best| (all.generation - best.generation) % 2);
        all.generation = all.generation.saturating_add(step);
        Ok(all)
    }

    pub fn best(&self) -> Option<&Checkpoint> {
        self.best.as_ref().map(|(_, best)| best)
    }

    /// The lowest number of a segment that is needed.
    pub fn lowest_segment(&self) -> u64 {
        self.best().map_or(0, |best| best.lowest_segment.min(best.position.segment))
    }
}

/// Whether a checkpoint speaks of these very segments.
fn is_of<F>(checkpoint: &Checkpoint, directory: &Directory<F>) -> bool {
    let mut headers = directory.files.iter().filter_map(|file| file.header.as_ref());
    headers.any(|header| header.number == checkpoint.position.segment && header.nonce == checkpoint.nonce)
}
