//! What the threads of a log call: writers fetch what is staged, the reader brings back what was spilled.

use std::ops::Range;

use super::{
    Channel,
    state::{Need, Placed, Stretch, Unread, Work},
};
use crate::{
    batch::Run,
    error::{Error, Result},
    file::{self, Consumed},
};

/// More findings than an operator would read are dropped.
const FINDINGS_MAX: usize = 100;

/// A put that a writer writes.
#[derive(Clone, Copy, Debug)]
pub struct Staged<'a> {
    /// Its number, growing by one with each put of the channel.
    pub sequence: u64,
    /// Its events.
    pub run: Run<'a>,
    /// The checksum of its payload, as [`file::payload_crc`] has it.
    pub crc: u32,
    /// When it was staged.
    pub time_ms: u64,
}

/// What a writer fetched: puts, and what takes have consumed. Whoever has it must [`Gathered::settle`] it.
#[must_use]
pub struct Gathered<'a> {
    channel: &'a Channel,
    lane: usize,
    work: Work,
}

impl Gathered<'_> {
    /// Whether the channel is closed and this the last work there is.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.work.last
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.work.puts.is_empty() && self.work.acks.is_empty()
    }

    /// The puts, in order.
    #[must_use]
    pub fn puts(&self) -> impl ExactSizeIterator<Item = Staged<'_>> {
        self.work.puts.iter().map(|it| {
            // SAFETY: a put that is being written is complete, and its memory is released only after it was settled.
            let run = unsafe { self.channel.buffer.run(it.block_len, &it.extent) };
            Staged { sequence: it.sequence, run, crc: it.crc, time_ms: it.time_ms }
        })
    }

    /// Ordinals of this directory that were consumed since the last time, in order.
    #[must_use]
    pub fn acks(&self) -> &[Range<u64>] {
        &self.work.acks
    }

    /// Tells the channel where everything is now durably, or why it is not; acknowledgements are then written another time.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    #[expect(clippy::needless_pass_by_value, reason = "an outcome is used up by telling it")]
    pub fn settle(self, outcome: Result<&[Placed]>, now_ms: u64) -> Result<()> {
        let Self { channel, lane, work: Work { puts, acks, waiting, .. } } = self;
        channel.with(|state| {
            if outcome.is_err() {
                state.return_acks(lane, acks, now_ms);
            }
            state.settle(&puts, &outcome, now_ms);
            state.settle_takes(waiting);
            Ok(())
        })
    }
}

impl Channel {
    /// Waits for something to write, at most until `until_ms`; then what there is may be nothing.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn gather(&self, lane: usize, bytes_max: u64, until_ms: u64, clock: &dyn Fn() -> u64) -> Result<Gathered<'_>> {
        let mut state = self.state.lock().map_err(|_| broken())?;
        loop {
            let now_ms = clock();
            let again_ms = match state.pick(lane, bytes_max, now_ms) {
                Ok(work) => return Ok(Gathered { channel: self, lane, work }),
                Err(_) if now_ms >= until_ms => return Ok(Gathered { channel: self, lane, work: Work::default() }),
                Err(again_ms) => again_ms.map_or(until_ms, |at| at.min(until_ms)),
            };
            if let Some(ledger) = state.ledger_mut() {
                ledger.writers_idle += 1;
            }
            let timeout = std::time::Duration::from_millis(again_ms.saturating_sub(now_ms).clamp(1, 3_600_000));
            state = self.writers.wait_timeout(state, timeout).map_err(|_| broken())?.0;
            if let Some(ledger) = state.ledger_mut() {
                ledger.writers_idle -= 1;
            }
        }
    }

    /// All that is consumed in a directory.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn consumed(&self, lane: usize) -> Result<Consumed> {
        self.with(|state| Ok(state.consumed(lane)))
    }

    /// The segment that the reader of a directory still needs, and all behind it.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn reading_from(&self, lane: usize) -> Result<Option<u64>> {
        self.with(|state| Ok(state.reading_from(lane)))
    }

    /// Nothing can be written to a directory, for this reason, or again. While there is none left, puts are refused, those that wait too.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn set_fault(&self, lane: usize, fault: Option<Error>, now_ms: u64) -> Result<()> {
        self.with(|state| {
            state.set_fault(lane, fault, now_ms);
            Ok(())
        })
    }

    /// A thread of the log is gone: nothing can be put any more.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn give_up(&self, why: &Error) -> Result<()> {
        self.with(|state| {
            (0..state.lanes()).for_each(|lane| state.set_fault(lane, Some(why.clone()), 0));
            state.end_log();
            Ok(())
        })
    }

    /// Ordinals that hold nothing count as consumed.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn burn(&self, lane: usize, ordinals: Range<u64>, now_ms: u64) -> Result<()> {
        self.with(|state| {
            state.consume(lane, ordinals, now_ms);
            Ok(())
        })
    }

    /// Leaves a sentence for the operator.
    pub fn report(&self, finding: impl Into<String>) {
        let _ = self.with(|state| {
            if let Some(ledger) = state.ledger_mut().filter(|ledger| ledger.findings.len() < FINDINGS_MAX) {
                ledger.findings.push(finding.into());
            }
            Ok(())
        });
    }

    /// What the operator was not told yet.
    #[must_use]
    pub fn take_findings(&self) -> Vec<String> {
        let take = |state: &mut super::State| {
            state.ledger_mut().map(|it| std::mem::take(&mut it.findings)).unwrap_or_default()
        };
        self.with(|state| Ok(take(state))).unwrap_or_default()
    }

    /// The threads of the log have ended.
    pub fn detach_log(&self) {
        let _ = self.with(|state| {
            if let Some(ledger) = state.ledger_mut() {
                ledger.detached = true;
            }
            Ok(())
        });
    }

    /// Why nothing can be written to some directory now.
    #[must_use]
    pub fn fault(&self) -> Option<Error> {
        self.with(|state| Ok(state.fault())).ok().flatten()
    }

    /// Why nothing can be put now, or why it could not the last time.
    #[must_use]
    pub fn last_fault(&self) -> Option<Error> {
        self.with(|state| Ok(state.last_fault())).ok().flatten()
    }

    /// Waits until something should be read, and answers the stretches of all directories that have something; nothing when the channel is closed.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn next_stretches(&self) -> Result<Vec<Stretch>> {
        let mut state = self.state.lock().map_err(|_| broken())?;
        loop {
            let stretches = state.unread();
            if !stretches.is_empty() || state.is_closed() {
                return Ok(stretches);
            }
            if let Some(ledger) = state.ledger_mut() {
                ledger.reader_idle = true;
            }
            state = self.reader.wait(state).map_err(|_| broken())?;
            if let Some(ledger) = state.ledger_mut() {
                ledger.reader_idle = false;
            }
        }
    }

    /// What may be read now, without waiting.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    #[cfg(test)]
    pub fn stretches(&self) -> Result<Vec<Stretch>> {
        self.with(|state| Ok(state.unread()))
    }

    /// Which of these events the reader is still to show.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn unshown(&self, lane: usize, ordinals: Range<u64>) -> Result<Vec<Range<u64>>> {
        self.with(|state| Ok(state.unshown(lane, ordinals)))
    }

    /// Shows events that were read back; `false` when there is no room for them now.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn refill(&self, lane: usize, ordinal: u64, run: &Run<'_>, time_ms: u64, now_ms: u64) -> Result<bool> {
        let need = Need { events: run.len() as u32, bytes: run.byte_len() as u64, slots: run.slots(super::SLOT_LEN) };
        let Some(room) = self.with(|state| Ok(state.refill_room(&need)))? else { return Ok(false) };
        self.copy_in(&room, run)?;
        self.with(|state| {
            state.refilled(lane, ordinal, room.region, &need, (time_ms, now_ms));
            Ok(true)
        })
    }

    /// The reader goes on in a directory from here.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn read_past(&self, lane: usize, next: Unread) -> Result<()> {
        self.with(|state| {
            state.read_past(lane, next);
            Ok(())
        })
    }

    /// Events that cannot be read are gone; answers how many of them were still waited for.
    ///
    /// # Errors
    /// `Panic` when the channel is broken.
    pub fn lose(&self, lane: usize, ordinals: Range<u64>, now_ms: u64) -> Result<u64> {
        self.with(|state| Ok(state.lose(lane, ordinals, now_ms)))
    }

    /// The checksum of what was filled, computed by whoever filled it.
    pub(super) fn checksum(&self, block_len: u64, extent: &super::ring::Extent) -> u32 {
        // SAFETY: the caller has filled this and is the only one to use it.
        file::payload_crc(&unsafe { self.buffer.run(block_len, extent) })
    }
}

fn broken() -> Error {
    Error::Panic("a panic under the channel's lock".into())
}
