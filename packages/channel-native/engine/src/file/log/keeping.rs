//! What is due: checkpoints, and what they let go of; and segments made before they are needed.

use super::{
    super::opening::checkpoint_file, CHECKPOINT_BYTES, Checkpoint, Consumed, Defect, Error, FIRST_LEN, Log, Order,
    RECORDS_AT, Result, SPARES, Storage, StorageFile, Sync, UNWRITABLE_CHECKPOINT_MS, checkpoint, damaged_name, lock,
    segment_name,
};

impl<S: Storage> Log<S> {
    /// Whether something is due at this time: when to ask again, if ever.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        let checkpoint = self.changed_ms.map(|at| at + self.checkpoint_ms());
        let sync = match self.options.sync {
            Sync::Interval(ms) => self.written_ms.map(|at| at + ms),
            Sync::Commit => None,
        };
        [checkpoint, sync].into_iter().flatten().min()
    }

    /// Whether a checkpoint is due.
    #[must_use]
    pub fn is_checkpoint_due(&self, now_ms: u64) -> bool {
        self.durable.segment != self.checkpointed.segment
            || self.bytes_since >= CHECKPOINT_BYTES
            || self.changed_ms.is_some_and(|at| at + self.checkpoint_ms() <= now_ms)
    }

    /// While nothing can be written, checkpoints are what acknowledgements have, and what frees segments.
    fn checkpoint_ms(&self) -> u64 {
        let longest = if self.active.is_some() { u64::MAX } else { UNWRITABLE_CHECKPOINT_MS };
        self.options.checkpoint_ms.min(longest)
    }

    /// Something changed that the next checkpoint should say.
    pub fn note_change(&mut self, now_ms: u64) {
        self.changed_ms.get_or_insert(now_ms);
    }

    /// Whether written bytes have waited for a sync long enough.
    #[must_use]
    pub fn is_sync_due(&self, now_ms: u64) -> bool {
        matches!(self.options.sync, Sync::Interval(ms) if self.written_ms.is_some_and(|at| at + ms <= now_ms))
    }

    /// Writes down how far everything is durable and what of it is consumed, and frees what nobody needs any more.
    ///
    /// # Errors
    /// Why it is not written; then nothing is freed.
    pub fn checkpoint(&mut self, consumed: Consumed, reading_from: Option<u64>) -> Result<()> {
        self.sync()?;
        let (lowest_segment, nonce) = {
            let segments = lock(&self.segments);
            let at = segments.iter().find(|it| it.number == self.durable.segment);
            (segments.front().map_or(0, |it| it.number), at.map(|it| it.nonce))
        };
        let Some(nonce) = nonce else { return Ok(()) };
        let checkpoint = Checkpoint {
            log_id: self.id,
            generation: self.generation + 1,
            position: self.durable,
            nonce,
            next_ordinal: self.next_ordinal,
            next_sequence: self.next_sequence,
            lowest_segment,
            consumed,
        };
        self.changed_ms = None;
        if Defect::FreedBeforeCheckpoint.is_made() {
            self.free(&checkpoint, reading_from);
        }
        let mut outcome = Ok(());
        for (place, file) in &mut self.checkpoints {
            if file.has_name().is_ok_and(|it| !it) {
                let renewed = place.renew().map_err(|error| Error::disk("open", &place.path(), &error));
                *file = renewed.and_then(|_| checkpoint_file(&**place, self.id))?;
            }
            outcome = outcome.and(checkpoint::write(file, &checkpoint));
        }
        if !Defect::FullCheckpointBelieved.is_made() {
            outcome.map_err(|error| self.failed("write a checkpoint of", &error))?;
        }
        self.generation += 1;
        self.checkpointed = self.durable;
        self.bytes_since = 0;
        self.free(&checkpoint, reading_from);
        self.order_next();
        Ok(())
    }

    /// Lets go of segments in front of which nothing is needed: the checkpoint that says so is durable.
    fn free(&mut self, checkpoint: &Checkpoint, reading_from: Option<u64>) {
        let needed = reading_from.unwrap_or(u64::MAX).min(checkpoint.position.segment);
        let mut segments = lock(&self.segments);
        while let Some(oldest) = segments.front() {
            if oldest.number >= needed || oldest.next_ordinal > checkpoint.consumed.watermark() {
                break;
            }
            let name = segment_name(oldest.number);
            if oldest.damaged {
                // Where it cannot be renamed it stays, and is found again at the next opening.
                let _ = self.data.rename(&name, &damaged_name(oldest.number));
            } else if oldest.file.has_name().unwrap_or(true) {
                self.spares.push((oldest.number, oldest.length));
            }
            segments.pop_front();
        }
        drop(segments);
        self.tidy_spares();
    }

    /// What was made for later went with the directory.
    pub(super) fn forget_names(&mut self) {
        self.spares.clear();
        if self.maker.has_order() {
            let _ = self.maker.fetch();
        }
        self.finding = Some(format!(
            "{}: somebody has removed this directory or what was in it. It is made anew; what it held is delivered as long as this agent runs",
            self.data.path().display(),
        ));
    }

    /// What an operator should know, once.
    pub fn take_finding(&mut self) -> Option<String> {
        self.finding.take()
    }

    /// Keeps a few segments that can be used again, the longest, and removes the others.
    pub(super) fn tidy_spares(&mut self) {
        let longest_first = |(_, length): &(u64, u32)| (*length > self.options.segment_len, std::cmp::Reverse(*length));
        self.spares.sort_by_key(longest_first);
        for (number, _) in self.spares.drain(SPARES.min(self.spares.len())..) {
            // One that cannot be removed is found again at the next opening.
            let _ = self.data.remove(&segment_name(number));
        }
    }

    /// The length of the next segment: they grow to their full length.
    pub(super) fn next_length(&self) -> u32 {
        self.last_length.saturating_mul(4).max(FIRST_LEN).min(self.options.segment_len)
    }

    /// Has the next segment made ahead: at once where segments are full-grown, because much is written there, else when a quarter is used.
    pub(super) fn order_next(&mut self) {
        let Some(active) = &self.active else { return };
        let soon =
            active.length >= self.options.segment_len || active.at - RECORDS_AT >= (active.length - RECORDS_AT) / 4;
        if soon && !self.maker.has_order() {
            self.order(self.next_length());
        }
    }

    pub(super) fn order(&mut self, length: u32) {
        let spare = self.spares.iter().position(|(_, it)| *it >= length).map(|at| self.spares.remove(at));
        let (recycled, length) = spare.map_or((None, length), |(number, length)| (Some(number), length));
        let number = self.next_number;
        self.next_number += 1;
        if Defect::NumberWraps.is_made() {
            self.next_number = u64::from(self.next_number as u32);
        }
        self.maker.order(Order { number, length, recycled, keep_free: self.options.keep_free });
    }
}
